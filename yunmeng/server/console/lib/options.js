// Options of a search that are a switch or a number. One that is listed here is kept in the address, sent to the server, counted
// among what narrows the hits, and has a control; it needs nothing else in the console.
import { addWords } from "./i18n.js";

/** @import { Library, Options } from "./types.js" */

/**
 * @typedef {object} Option
 * @property {string} name As the API has it, and the address.
 * @property {string[]} label In Chinese and English.
 * @property {string[]} hint
 * @property {number} [most] Of a number from 0 on, where 0 is to do without; none for a switch.
 * @property {(library: Library) => boolean} [offered] Whether the library can do it.
 */

/** @type {Option[]} */
export const OPTIONS = [
  {
    name: "regions",
    label: ["搜索图片局部", "Search parts of pictures"],
    hint: ["也会找到只占画面一部分的目标，并框出位置。", "Finds what fills only part of a picture, and outlines it."],
    offered: (library) => library.regions,
  },
];

addWords(Object.fromEntries(OPTIONS.flatMap(({ name, label, hint }) => [[`option-${name}`, label], [`option-${name}-hint`, hint]])));

/**
 * What the address says of them; an option that it does not name is not there.
 *
 * @param {URLSearchParams} values
 * @returns {Options}
 */
export function readOptions(values) {
  const read = OPTIONS.map(({ name, most }) => [name, most === undefined ? values.has(name) : readNumber(values.get(name), most)]);
  return Object.fromEntries(read.filter(([, value]) => value));
}

/** @param {string | null} text @param {number} most */
const readNumber = (text, most) => (Number(text) > 0 ? Math.min(Number(text), most) : 0);

/**
 * Those of `options` that the library can do, as the server takes them.
 *
 * @param {Options} options
 * @param {Library} library
 * @returns {Options}
 */
export const optionsThatApply = (options, library) =>
  Object.fromEntries(Object.entries(options).filter(([name]) => OPTIONS.find((one) => one.name === name)?.offered?.(library) ?? true));
