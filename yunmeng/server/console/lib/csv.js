// Pictures as a table that spreadsheets open.

/** @import { Shown, Value } from "./types.js" */

const FIRST = ["id", "score", "chance", "width", "height"];

/**
 * A line for each picture, under a line with the names; attributes follow, the `declared` ones first.
 *
 * @param {Shown[]} items
 * @param {string[]} declared
 */
export function csv(items, declared) {
  const others = new Set(items.flatMap(({ attributes = {} }) => Object.keys(attributes)));
  declared.forEach((name) => others.delete(name));
  const names = [...declared, ...[...others].sort()];
  const first = FIRST.filter((name) => items.some((item) => item[/** @type {keyof Shown} */ (name)] !== undefined));
  const rows = items.map((item) => [
    ...first.map((name) => item[/** @type {keyof Shown} */ (name)]),
    ...names.map((name) => item.attributes?.[name]),
  ]);
  const lines = [[...first, ...names], ...rows].map((row) => row.map(cell).join(","));
  return `\uFEFF${lines.join("\r\n")}\r\n`; // the mark tells Excel that it is UTF-8
}

/** @param {unknown} value */
function cell(value) {
  if (value === undefined || value === null) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = Array.isArray(value) ? value.join("|") : typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // or a spreadsheet would run it as a formula
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
