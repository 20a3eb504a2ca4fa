// The colours of one picture, to search by them; and the picture in another colour.
import { fill, h } from "/console/lib/dom.js";
import { askedInColour, countColours, nameOfColour } from "/console/lib/colours.js";
import { t } from "/console/lib/i18n.js";
import { partsOf } from "/console/lib/parts.js";
import { ask, go, route } from "/console/lib/router.js";
import { painted, shareText, swatch } from "./swatches.js";

/** @import { PictureFacts, Swatch } from "/console/lib/types.js" */

/** @param {PictureFacts} found @returns {HTMLElement | ""} */
export function paletteOf({ id, palette }) {
  if (!palette) return "";
  const weighs = isSearch() && partsOf(route()).length > 0;
  return h(
    "section",
    { class: "palette" },
    h("h3", { "aria-level": 2 }, t("colours")),
    h("div", { class: "colour-bar" }, ...palette.subject.map(piece)),
    h("p", { class: "hint" }, t(weighs ? "colours-weigh" : "colours-of-subject")),
    inAnother(id),
  );
}

const isSearch = () => route().page === "search"; // other pages use the address in their own way

/** @param {Swatch} colour */
function piece({ hex, share }) {
  const label = t("colour-search", { colour: hex, n: shareText(share) });
  const search = () => (isSearch() ? go(askedInColour(route(), hex)) : ask({ color: hex }));
  const element = painted(h("button", { type: "button", onclick: search, title: label, "aria-label": label }), hex);
  element.style.flexGrow = String(100 * share);
  return element;
}

/** @param {string} id */
function inAnother(id) {
  const place = h("div", { class: "swatches" });
  const load = async () => {
    const { colors } = await countColours();
    const offered = colors.filter(({ count }) => count > 0);
    fill(place, offered.map(({ name }) => swatch(name, t("colour-like-this", { colour: nameOfColour(name) }), () => ask({ id, color: name }))));
  };
  const element = h("details", {}, h("summary", {}, t("colour-other")), place);
  element.addEventListener("toggle", () => element.open && !place.hasChildNodes() && load().catch(() => (element.open = false)));
  return element;
}
