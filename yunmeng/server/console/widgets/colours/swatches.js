// Colours as people see them: a bar of a palette's, swatches to press.
import { h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { hexOf, nameOfColour } from "/console/lib/colours.js";
import { t } from "/console/lib/i18n.js";

/** @import { AskedColour } from "/console/lib/colours.js" */

/** @param {number} share */
export const shareText = (share) => number(share * 100);

/** The colours in words. @param {AskedColour[]} colours */
export function coloursText(colours) {
  const words = colours.map(({ colour, share }) => (colours.length > 1 ? t("colour-part", { colour: nameOfColour(colour), n: shareText(share) }) : nameOfColour(colour)));
  return words.join(t("and"));
}

/**
 * An element filled with a colour.
 *
 * @template {HTMLElement} Of
 * @param {Of} element
 * @param {string} colour
 */
export function painted(element, colour) {
  element.style.backgroundColor = hexOf(colour);
  return element;
}

/** A bar in which each colour is as wide as its share. @param {AskedColour[]} colours */
export function colourBar(colours) {
  const pieces = colours.map(({ colour, share }) => {
    const piece = painted(h("span", {}), colour);
    piece.style.flexGrow = String(100 * share); // less than 1 in all would leave a gap
    return piece;
  });
  return h("span", { class: "colour-bar", role: "img", "aria-label": coloursText(colours), title: coloursText(colours) }, ...pieces);
}

/**
 * A swatch that can be pressed; `count` stands below it.
 *
 * @param {string} colour
 * @param {string} label
 * @param {() => void} onclick
 * @param {{ count?: number }} options
 */
export function swatch(colour, label, onclick, { count } = {}) {
  const shown = painted(h("span", { class: "swatch-colour" }), colour);
  const below = count !== undefined && h("span", { class: "swatch-count", "aria-hidden": "true" }, number(count));
  return h("button", { type: "button", class: "swatch", onclick, title: label, "aria-label": label, "data-colour": colour }, shown, below);
}
