// A question in parts: pictures and words, each with a weight. The first part is the one that is shown large and drawn on.
/** @import { QueryPart, Region, Route } from "./types.js" */

/** @type {("id" | "url" | "text" | "upload")[]} */
const KINDS = ["id", "url", "text", "upload"];
const HEAVIEST = 10; // that the server takes

/**
 * { kind, value } of a part.
 *
 * @param {QueryPart} part
 */
export function nameOf(part) {
  const kind = KINDS.find((one) => part[one]) ?? "id";
  return { kind, value: part[kind] ?? "" };
}

/**
 * What tells parts apart: no picture and no words are asked with twice.
 *
 * @param {QueryPart} part
 */
export const keyOf = (part) => `${nameOf(part).kind}:${nameOf(part).value}`;

/**
 * The parts of a route's question, none where nothing is asked.
 *
 * @param {Route} route
 * @returns {QueryPart[]}
 */
export function partsOf({ id, url, text, upload, region, weight, mix }) {
  const first = upload ? { upload } : id ? { id } : url ? { url } : text && { text };
  const parts = first ? [{ ...first, region: first.text ? null : region, weight }, ...mix] : mix;
  const keys = parts.map(keyOf);
  return parts.filter((part, at) => keys.indexOf(keyOf(part)) === at); // an address may have been written by hand
}

/**
 * The changes to a route that make it ask with `parts`. A part that is alone has no weight to speak of, only a sign.
 *
 * @param {QueryPart[]} parts
 * @returns {Partial<Route>}
 */
export function askedWith(parts) {
  const [{ region = null, weight = 1, ...first } = { weight: 1 }, ...mix] = parts;
  const nothing = Object.fromEntries(KINDS.map((kind) => [kind, null]));
  return { ...nothing, ...first, region, weight: mix.length ? weight : Math.sign(weight), mix };
}

/**
 * `parts` with `part` in the place of the one with its key, or at the end.
 *
 * @param {QueryPart[]} parts
 * @param {QueryPart} part
 */
export function withPart(parts, part) {
  const key = keyOf(part);
  const known = parts.some((one) => keyOf(one) === key);
  return known ? parts.map((one) => (keyOf(one) === key ? part : one)) : [...parts, part];
}

/**
 * `parts` without one. Where that was the first, the first that is liked takes its place.
 *
 * @param {QueryPart[]} parts
 * @param {string} key
 */
export function withoutPart(parts, key) {
  const rest = parts.filter((one) => keyOf(one) !== key);
  if (rest[0] === parts[0]) return rest;
  const next = rest.find((one) => one.weight > 0);
  return next ? [next, ...rest.filter((one) => one !== next)] : rest;
}

/**
 * A part as the address keeps it: weight;region;kind:value, the region empty for the whole picture.
 *
 * @param {QueryPart} part
 */
export function spell(part) {
  return `${part.weight};${spellRegion(part.region)};${keyOf(part)}`;
}

/**
 * The part in a text that `spell` gave, or null.
 *
 * @param {string} text
 * @returns {QueryPart | null}
 */
export function readPart(text) {
  const [, weight, region, kind, value] = /^([^;]*);([^;]*);(id|url|text):(.+)$/s.exec(text) ?? [];
  const heavy = readWeight(weight);
  if (!value || heavy === null || (region && !readRegion(region))) return null;
  return { [kind]: value, weight: heavy, region: kind === "text" ? null : readRegion(region) };
}

/** @param {string | null} text */
export function readWeight(text) {
  const weight = Number(text || NaN);
  return weight !== 0 && Math.abs(weight) <= HEAVIEST ? weight : null;
}

/** @param {Region | null | undefined} region */
export const spellRegion = (region) => (region ?? []).map((part) => Number(part.toFixed(4))).join(",");

/**
 * @param {string | null} text
 * @returns {Region | null}
 */
export function readRegion(text) {
  const parts = /** @type {Region} */ ((text ?? "").split(",").map(Number));
  const [x, y, w, h] = parts;
  const inside = parts.length === 4 && x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 1.000001 && y + h <= 1.000001;
  return inside ? parts : null;
}
