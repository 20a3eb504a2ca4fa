// The chosen language, and words in it.
import { WORDS } from "./words.js";

/** @typedef {"zh" | "en"} Language */

/** @type {Language} */
let current = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

export const language = () => current;
/** @param {string} key */
export const has = (key) => key in WORDS;

/**
 * Takes in the words of an application's page, as lib/words.js has them. A key of other words would change them everywhere.
 *
 * @param {Record<string, string[]>} words
 */
export function addWords(words) {
  const taken = Object.keys(words).find((key) => key in WORDS && String(WORDS[key]) !== String(words[key]));
  if (taken) throw new Error(`the console has other words for "${taken}": choose another key`);
  Object.assign(WORDS, words);
}

/** @param {Language} next */
export function setLanguage(next) {
  current = next;
}

export function applyLanguage() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
}

/**
 * The words for `key`, with {names} filled in. A key that is missing shows as itself: the server may learn new words.
 *
 * @param {string} key
 * @param {Record<string, string | number>} values
 */
export function t(key, values = {}) {
  const [zh, en] = WORDS[key] ?? [key, key];
  const [one, many = one] = en.split("|");
  const words = current === "zh" ? zh : String(values.n) === "1" ? one : many;
  return words.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
