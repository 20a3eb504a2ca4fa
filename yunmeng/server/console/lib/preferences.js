// Theme and language: the browser's at first, then what was chosen here. Scores are told in words unless numbers were chosen.
// And how grids look.
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

/** @param {string} name */
function remembered(name) {
  try {
    return localStorage.getItem(`yunmeng.${name}`);
  } catch {
    return null;
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

/** Pixels that the pictures of a grid are high, at most. */
export const HEIGHTS = { least: 72, most: 320 };

/**
 * @typedef {object} Preferences
 * @property {number} height Of a grid's pictures, in pixels.
 * @property {string} title The attribute that names a picture; empty for the name of its file.
 * @property {string[]} badges Attributes that are shown on a picture.
 * @property {boolean} manage Whether the library page shows what brings pictures in.
 * @property {boolean} compact Whether groups of duplicates are shown small.
 */

/** @type {Preferences} */
const chosen = { height: 124, title: "", badges: [], compact: true, manage: true };

/** @type {{ [Name in keyof Preferences]: (value: any) => boolean }} */
const FITS = {
  height: (value) => value >= HEIGHTS.least && value <= HEIGHTS.most,
  title: (value) => typeof value === "string",
  compact: (value) => typeof value === "boolean",
  manage: (value) => typeof value === "boolean",
  badges: (value) => Array.isArray(value) && value.every((one) => typeof one === "string"),
};

for (const name of /** @type {(keyof Preferences)[]} */ (Object.keys(chosen))) {
  try {
    const value = JSON.parse(remembered(name) ?? "null");
    if (value !== null && FITS[name](value)) Object.assign(chosen, { [name]: value });
  } catch {
    // Not one of ours: as it is at first.
  }
}

/**
 * How grids look here.
 *
 * @template {keyof Preferences} Name
 * @param {Name} name
 * @returns {Preferences[Name]}
 */
export const preference = (name) => chosen[name];

/**
 * Changes how grids look, now and the next time.
 *
 * @template {keyof Preferences} Name
 * @param {Name} name
 * @param {Preferences[Name]} value
 */
export function prefer(name, value) {
  chosen[name] = value;
  remember(name, JSON.stringify(value));
  window.dispatchEvent(new Event("preference"));
}
