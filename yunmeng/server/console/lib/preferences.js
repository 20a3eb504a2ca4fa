// Theme and language: the browser's at first, then what was chosen here. Scores are told in words unless numbers were chosen.
import { language, setLanguage } from "./i18n.js";

const THEMES = ["auto", "light", "dark"];

/** @param {string} name @param {string} value */
function remember(name, value) {
  try {
    localStorage.setItem(`yunmeng.${name}`, value);
  } catch {
    // Storage is blocked: the choice holds until the page is left.
  }
}

export const theme = () => document.documentElement.dataset.theme ?? "auto";

export function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  remember("theme", next);
}

export const showsNumbers = () => document.documentElement.dataset.scores === "numbers";

/** @param {boolean} on */
export function showNumbers(on) {
  document.documentElement.dataset.scores = on ? "numbers" : "words";
  remember("scores", on ? "numbers" : "words");
}

export function switchLanguage() {
  const next = language() === "zh" ? "en" : "zh";
  setLanguage(next);
  remember("language", next);
}
