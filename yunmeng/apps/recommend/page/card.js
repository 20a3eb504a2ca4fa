// One recommended picture: what to do with it, and why it is here.
import * as api from "/console/lib/api.js";
import { button, h, icon } from "/console/lib/dom.js";
import { shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { href, route, show } from "/console/lib/router.js";

/** @import { Shape } from "/console/lib/dom.js" */
/** @import { Kind, Pick } from "./api.js" */

/** @typedef {"like" | "dislike" | "hide"} Reaction */

/** @type {[Reaction, Shape][]} */
const REACTIONS = [["like", "heart"], ["dislike", "dislike"], ["hide", "hidden"]];

/**
 * A card for a pick; `onReact(reaction)` is called when one of its buttons is pressed.
 *
 * @param {Pick} pick
 * @param {(reaction: Reaction) => void} onReact
 */
export function card(pick, onReact) {
  const { id } = pick.picture;
  const buttons = REACTIONS.map(([what, shape]) =>
    button(shape, t("react-named", { what: t(`react-${what}`), name: shortName(id) }), () => onReact(what), { class: `recommended-react ${what}`, title: t(`react-${what}`), "data-reaction": what }));
  return h("li", { class: "recommended" }, picture(id, "recommended-picture", 512, id), h("div", { class: "recommended-actions" }, ...buttons), why(pick));
}

/** @param {Pick} pick */
function why({ because, source }) {
  if (!because) return h("p", { class: "recommended-why" }, icon(source === "popular" ? "star" : "again"), h("span", {}, t(`because-${source}`)));
  const name = shortName(because.picture);
  const reason = t(source === "people" ? "because-people" : `because-${because.kind}`);
  return h(
    "p",
    { class: "recommended-why" },
    picture(because.picture, "recommended-because", 128, `${reason} ${name}`),
    h("span", { "aria-hidden": "true" }, reason, h("span", { class: "name", title: because.picture }, name)),
  );
}

/**
 * A picture that opens its detail.
 *
 * @param {string} id
 * @param {string} kind
 * @param {number} side
 * @param {string} label
 */
export function picture(id, kind, side, label) {
  /** @param {MouseEvent} event */
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a new tab, as with any link
    event.preventDefault();
    show(id);
  };
  const image = h("img", { src: api.thumbnail(id, side), alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => image.classList.add("missing"));
  return h("a", { class: kind, href: href({ ...route(), show: id }), onclick: open, "aria-label": label }, image);
}
