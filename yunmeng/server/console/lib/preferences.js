// Theme and language: the browser's at first, then what was chosen here.
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

export function switchLanguage() {
  const next = language() === "zh" ? "en" : "zh";
  setLanguage(next);
  remember("language", next);
}
