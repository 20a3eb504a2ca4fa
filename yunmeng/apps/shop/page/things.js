// The things in a photo: a box for each, and a button in its middle that searches for it.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { objects } from "./api.js";

/** @import { Region } from "/console/lib/types.js" */

const NEARLY_ALL = 0.9; // of the photo: a box around that is none
const PARTS = 10_000; // of a side: addresses are as exact

/** What was found in photos, by their names. @type {Map<string, Promise<Region[]>>} */
const found = new Map();

/**
 * The boxes of the things in a photo, the main one first; none where they cannot be told, as the whole photo will do.
 *
 * @param {string} upload
 * @param {File} file
 * @returns {Promise<Region[]>}
 */
export function thingsIn(upload, file) {
  const known = found.get(upload);
  if (known) return known;
  const asked = objects(file).then(
    (answer) => answer.objects.filter(({ region }) => region.w * region.h < NEARLY_ALL).map(({ region }) => rounded(region)),
    () => (found.delete(upload), []),
  );
  found.set(upload, asked);
  return asked;
}

/** A box never grows over the photo's edge. @param {{ x: number, y: number, w: number, h: number }} region @returns {Region} */
function rounded({ x, y, w, h: height }) {
  const [left, top, right, bottom] = [x, y, x + w, y + height].map((place) => Math.floor(place * PARTS));
  return [left / PARTS, top / PARTS, (right - left) / PARTS, (bottom - top) / PARTS];
}

/**
 * Frames over the photo, where it shows several things.
 *
 * @param {(region: Region) => void} choose
 */
export function thingFrames(choose) {
  const element = h("div", { class: "shop-things", role: "group", "aria-label": t("shop-things"), hidden: true });
  /** @type {Region[]} */
  let things = [];
  /** @param {Region[]} regions */
  const show = (regions) => {
    things = regions;
    element.hidden = regions.length < 2;
    element.replaceChildren(...regions.map((region, at) => frame(region, t("shop-thing", { at: at + 1, n: regions.length }), choose)));
  };
  /** Marks the thing that is searched for. @param {Region | null} region */
  const mark = (region) => {
    const chosen = things.findIndex((thing) => JSON.stringify(thing) === JSON.stringify(region));
    element.querySelectorAll("button").forEach((dot, at) => dot.setAttribute("aria-pressed", String(at === chosen)));
  };
  return { element, show, mark };
}

/** @param {Region} region @param {string} label @param {(region: Region) => void} choose */
function frame(region, label, choose) {
  const dot = h("button", { class: "shop-dot", type: "button", "aria-label": label, "aria-pressed": "false", title: label, onclick: () => choose(region) });
  const element = h("div", { class: "shop-thing" }, dot);
  const [left, top, width, height] = region.map((part) => `${part * 100}%`);
  Object.assign(element.style, { left, top, width, height });
  return element;
}
