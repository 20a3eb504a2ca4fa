// Colours that are asked for, as the address and the API have them: names and codes, perhaps with shares ("#c0392b:0.6,white").
import * as api from "./api.js";
import { has, t } from "./i18n.js";
import { partsOf } from "./parts.js";

/** @import { Colours, Route } from "./types.js" */
/** @typedef {{ colour: string, share: number }} AskedColour A name or a code, and its share; all together are 1. */

export const MOST = 5; // that are offered; the server takes more
export const LEAST_SHARE = 0.05;
const UNKNOWN = "#808080"; // for names that only the server knows

/** @type {Colours | null} */
let known = null;
/** @type {Promise<Colours> | null} */
let asked = null;

/** How many pictures have each basic colour: asked for once until the library changes. */
export function countColours() {
  asked ??= api.colours().then((found) => (known = found));
  asked.catch(() => (asked = null));
  return asked;
}

window.addEventListener("library", () => (asked = null));

/** Whether no picture can be found by colour, as far as is known. */
export const lacksColours = () => Boolean(known?.without) && (known?.colors ?? []).every(({ count }) => count === 0);

/**
 * The colours of a text, none of an empty one. Those without a share divide what is left.
 *
 * @param {string | null} text
 * @returns {AskedColour[]}
 */
export function readColours(text) {
  const parts = (text ?? "").split(/[,，、;；]/).map((part) => part.split(/[:：]/).map((piece) => piece.trim())).filter(([name]) => name);
  const read = parts.map(([name, share]) => ({ colour: name, share: Number(share) > 0 ? Math.min(Number(share), 1) : 0 }));
  const open = read.filter(({ share }) => !share).length;
  const rest = Math.max(0, 1 - sum(read)) / (open || 1);
  const full = read.map(({ colour, share }) => ({ colour, share: share || rest }));
  const total = sum(full) || 1;
  return full.map(({ colour, share }) => ({ colour, share: share / total }));
}

/** @param {AskedColour[]} colours */
const sum = (colours) => colours.reduce((total, { share }) => total + share, 0);

/** @param {AskedColour[]} colours @returns {string | null} */
export function spellColours(colours) {
  if (colours.length < 2) return colours[0]?.colour ?? null;
  return colours.map(({ colour, share }) => `${colour}:${Number(share.toFixed(3))}`).join(",");
}

/**
 * The colours with another share of the one at `at`; the others divide what is left as before.
 *
 * @param {AskedColour[]} colours
 * @param {number} at
 * @param {number} share
 */
export function withShare(colours, at, share) {
  const others = 1 - colours[at].share;
  const scale = others > 0 ? (1 - share) / others : 0;
  return colours.map((one, index) => ({ ...one, share: index === at ? share : one.share * scale }));
}

/**
 * The colours with one more, which gets as much as each of them has on average.
 *
 * @param {AskedColour[]} colours
 * @param {string} colour
 */
export function withColour(colours, colour) {
  const share = 1 / (colours.length + 1);
  return [...colours.map((one) => ({ ...one, share: one.share * (1 - share) })), { colour, share }];
}

/** @param {AskedColour[]} colours @param {number} at */
export function withoutColour(colours, at) {
  const rest = colours.filter((_, index) => index !== at);
  const total = sum(rest) || 1;
  return rest.map(({ colour, share }) => ({ colour, share: share / total }));
}

/** What people call it: basic names in the chosen language, others and codes as they are. @param {string} colour */
export const nameOfColour = (colour) => (has(`basic-colour-${colour}`) ? t(`basic-colour-${colour}`) : colour);

/**
 * A code to paint a colour with: a name's example.
 *
 * @param {string} colour
 */
export function hexOf(colour) {
  const example = known?.colors.find(({ name }) => name === colour)?.hex;
  if (example) return example;
  const drawing = document.createElement("canvas").getContext("2d");
  if (!drawing) return UNKNOWN;
  drawing.fillStyle = UNKNOWN;
  drawing.fillStyle = colour; // which leaves it as it is where the browser knows no such colour
  return String(drawing.fillStyle);
}

/**
 * Whether a route asks for colours and for nothing else.
 *
 * @param {Route} route
 */
export const asksByColourAlone = (route) => route.color !== null && partsOf(route).length === 0;

/** Whether a route's cut-off is the one that came with a basic colour. @param {Route} route */
export const isCountedCut = (route) => asksByColourAlone(route) && route.min !== null && route.min === known?.min_score;

/**
 * The changes to a route that make it ask with `color`, null for none. A basic colour alone brings the pictures that are counted
 * under its name, and thus a cut-off, which leaves with it.
 *
 * @param {Route} now
 * @param {string | null} color
 * @returns {Partial<Route>}
 */
export function askedInColour(now, color) {
  const basic = known?.colors.some(({ name }) => name === color);
  const counted = basic && partsOf(now).length === 0;
  return { page: "search", show: null, color, min: counted ? (known?.min_score ?? null) : isCountedCut(now) ? null : now.min };
}
