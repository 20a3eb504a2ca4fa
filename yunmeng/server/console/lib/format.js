// Numbers, sizes and dates as the chosen language writes them.
import { language } from "./i18n.js";

const locale = () => (language() === "zh" ? "zh-CN" : "en");

/** @param {number} value @param {number} digits */
export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

/** A score with three places: the third tells near-duplicates apart. Never "1.000" for less than all of it. @param {number} value */
export const score = (value) => (value > 0.9995 && value < 0.999999 ? "0.999" : value.toFixed(3));

/** A chance in per cent. Never 100 for less than certainty, nor 0 for more than none. @param {number} chance */
export function percent(chance) {
  if (chance > 0 && chance < 0.005) return "<1";
  return chance < 1 && chance >= 0.995 ? ">99" : String(Math.round(chance * 100));
}

/** @param {number} value */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  /** @type {Intl.NumberFormatOptions} */
  const style = { style: "unit", unit: units[step], unitDisplay: step ? "short" : "narrow", maximumFractionDigits: step ? 1 : 0 };
  return new Intl.NumberFormat(locale(), style).format(value / 1000 ** step);
}

/** @param {string} text A moment, as ISO 8601. */
export const time = (text) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** The last part of an id that is a path or an address; a hash is shortened. @param {string} id */
export function shortName(id) {
  if (/^[0-9a-f]{64}$/.test(id)) return `${id.slice(0, 10)}…`;
  const parts = id.split(/[?#]/)[0].split("/").filter(Boolean);
  return parts.at(-1) ?? id;
}
