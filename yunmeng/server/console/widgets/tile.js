// One picture in a grid: open it, search with it, ask for more or less like it, put it into a comparison.
import * as api from "/console/lib/api.js";
import { $, button, h } from "/console/lib/dom.js";
import { number, percent, score, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { preference } from "/console/lib/preferences.js";
import { ask, href, route, show } from "/console/lib/router.js";
import { valueText } from "./attributes.js";
import { addToComparison } from "./compare.js";
import { likeButtons } from "./like.js";
import { outline, outlineOf } from "./outline.js";

/** @import { Alignment, Shown } from "/console/lib/types.js" */

export const DRAGGED = "application/x-yunmeng-id";

/**
 * A cell for `item`; `known`, its cell from before, is changed where it is given.
 *
 * @param {Shown} item
 * @param {HTMLElement} [known]
 */
export function tile(item, known) {
  if (known) return refresh(known, item);
  const { id } = item;
  /** @param {MouseEvent} event */
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a new tab, as with any link
    event.preventDefault();
    show(id);
  };
  const wake = () => hasActions(cell) || offerActions(cell);
  const cell = h(
    "div",
    { class: "tile", role: "gridcell", onpointerenter: wake, onfocusin: wake },
    h("a", { class: "tile-open", onclick: open, ondragstart: (/** @type {DragEvent} */ event) => drag(event, id) }, picture(id)),
    h("div", { class: "caption" }, h("span", { class: "name", title: id }), h("span", { class: "score" })),
    h("span", { class: "agreement" }),
    h("div", { class: "tile-actions" }),
    h("button", { type: "button", class: "tile-check", "aria-label": t("select-named", { name: shortName(id) }), tabindex: -1 }),
  );
  return refresh(cell, item);
}

/** @param {HTMLElement} cell @param {Shown} item */
function refresh(cell, item) {
  const link = $("a", cell);
  link.setAttribute("aria-label", [item.id, ...said(item)].join(t("and")));
  link.href = href({ ...route(), show: item.id });
  $(".name", cell).textContent = titleOf(item);
  $(".badges", cell)?.remove();
  const badges = badgesOf(item);
  if (badges.length) link.append(h("span", { class: "badges" }, ...badges.map((text) => h("span", {}, text))));
  $(".score", cell).replaceWith(scoreOf(item));
  $(".agreement", cell).textContent = agrees(item) ? t("aligned-points", { n: number(item.alignment.inliers) }) : "";
  $(".outline-of-part", cell)?.remove();
  const part = outlineOf(item);
  if (part) link.append(outline($("img", cell), part));
  shownIn.set(cell, item);
  if (FINGER.matches || hasActions(cell)) offerActions(cell);
  return cell;
}

const FINGER = window.matchMedia("(pointer: coarse)");
const LOOK = { kind: "chip-button" };
/** @type {WeakMap<HTMLElement, Shown>} What a cell shows now. */
const shownIn = new WeakMap();

/** @param {Shown} item */
const searchButton = ({ id }) => button("search", t("search-with-this"), () => ask({ id }), LOOK);

/**
 * Puts the buttons on a tile. Fingers get one, and the rest by a long press. Others get them once a tile is pointed at or has
 * the keyboard: a page of tiles would have a thousand.
 *
 * @param {HTMLElement} cell
 */
function offerActions(cell) {
  const item = shownIn.get(cell);
  if (!item) return;
  const others = FINGER.matches ? [] : [...(isHit(item) ? likeButtons(item, LOOK) : []), button("compare", t("compare-add"), () => addToComparison({ id: item.id }), LOOK)];
  const buttons = [searchButton(item), ...others];
  for (const one of buttons) one.tabIndex = $("a", cell).tabIndex;
  $(".tile-actions", cell).replaceChildren(...buttons);
}

/** @param {HTMLElement} cell */
const hasActions = (cell) => $(".tile-actions", cell).hasChildNodes();

/** @param {Shown} item @returns {item is Shown & { score: number }} */
const isHit = (item) => typeof item.score === "number";
/**
 * A score as a word and as a number, of which styles show one. With words, a score is a rank and shown to who wants numbers.
 *
 * @param {Shown} item
 */
function scoreOf(item) {
  if (!isHit(item)) return h("span", { class: "score" });
  const told = score(item.score);
  const word = bandText(item);
  return h(
    "span",
    { class: item.byWords ? "score by-words" : "score", title: item.band ? t("band-explained", { score: told }) : t("hit-score", { score: told }) },
    word && h("span", { class: "band" }, word),
    h("span", { class: "number" }, told),
  );
}

/** @param {Shown} item */
const bandText = (item) => item.band && t(`band-${item.band}`);
/** @param {Shown} item @returns {item is Shown & { alignment: Alignment }} */
const agrees = (item) => Boolean(item.alignment && item.alignment.inliers > 0);
/** @param {Shown} item @returns {item is Shown & { chance: number }} */
export const hasChance = (item) => typeof item.chance === "number";
/** @param {Shown} item */
const chanceText = (item) => hasChance(item) && t("chance", { n: percent(item.chance) });

/**
 * Whether a hit has more to say below its picture than a score.
 *
 * @param {Shown} item
 */
export const hasSecondLine = (item) => agrees(item);

/**
 * What is to be said of a hit, in words.
 *
 * @param {Shown} item
 */
export function said(item) {
  return [
    isHit(item) && t("hit-score", { score: score(item.score) }),
    isHit(item) ? bandText(item) : chanceText(item),
    item.region && t("hit-part"),
    item.alignment && t("hit-verified"),
  ].filter(Boolean);
}

/** What stands below a picture. @param {Shown} item */
function titleOf({ id, attributes }) {
  const value = attributes?.[preference("title")];
  return value === undefined || value === null ? shortName(id) : valueText(value);
}

const BADGES = 3;

/** @param {Shown} item */
function badgesOf({ attributes }) {
  const { group } = route();
  const grouped = group && attributes?.[group] !== undefined ? [t("group-of", { name: group, value: valueText(attributes[group]) })] : [];
  const values = preference("badges").flatMap((name) => attributes?.[name] ?? []);
  return [...grouped, ...values.slice(0, BADGES).map(valueText)];
}

/** @param {string} id */
function picture(id) {
  const image = h("img", { loading: "lazy", decoding: "async", alt: "", width: 256, height: 256 });
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => image.classList.add("missing"));
  image.srcset = `${api.thumbnail(id, 256)} 1x, ${api.thumbnail(id, 512)} 2x`;
  image.src = api.thumbnail(id, 256);
  return image;
}

// A tile can be dropped on the question box, like a file.
/** @param {DragEvent} event @param {string} id */
function drag(event, id) {
  if (!event.dataTransfer) return;
  event.dataTransfer.setData(DRAGGED, id);
  event.dataTransfer.effectAllowed = "copy";
}
