// What is asked for by colour: the basic colours with their counts, and a picker for others; and the chip that tells it.
import { button, debounce, fill, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { askedInColour, countColours, nameOfColour, readColours, spellColours } from "/console/lib/colours.js";
import { t } from "/console/lib/i18n.js";
import { go, route } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";
import { lackingLine } from "/console/widgets/colours/lacking.js";
import { colourPicker } from "/console/widgets/colours/picker.js";
import { colourBar, coloursText, swatch } from "/console/widgets/colours/swatches.js";
import { clearButton } from "/console/widgets/filters/controls.js";

/** @import { Colours } from "/console/lib/types.js" */

const PAUSE = 250; // milliseconds without a movement of a share, after which the server is asked

/**
 * { element, set(color), count(), stop() }; `onCounted` is told when the basic colours are known.
 *
 * @param {() => void} onCounted
 */
export function colourPanel(onCounted) {
  /** @type {Colours["colors"]} */
  let basic = [];
  /** @type {string | null} */
  let wanted = null;
  const later = debounce((/** @type {string | null} */ color, /** @type {boolean} */ replace) => go(askedInColour(route(), color), { replace }), PAUSE);
  const picker = colourPicker((colours, done) => (done ? later.now : later)(spellColours(colours), true));
  const swatches = h("div", { class: "swatches", role: "group", "aria-label": t("colours") });
  const lacking = lackingLine();
  const clear = clearButton(t("colours"), () => later.now(null, false));
  const head = h("div", { class: "filter-head" }, h("h3", {}, t("colours")), clear);
  const element = h("section", { class: "filter colours", hidden: true }, head, swatches, picker.element, lacking.element);
  /** @param {string} name */
  const press = (name) => later.now(wanted === name ? null : name, false);
  const mark = () => {
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (swatches.querySelectorAll(".swatch"))) one.setAttribute("aria-pressed", String(one.dataset.colour === wanted));
    clear.hidden = wanted === null;
  };
  /** @param {string | null} color */
  const set = (color) => {
    later.cancel();
    wanted = color;
    picker.set(readColours(color), !basic.some(({ name }) => name === color));
    mark();
  };
  const count = async () => {
    const found = await countColours();
    basic = found.colors.filter(({ count: pictures }) => pictures > 0);
    fill(swatches, basic.map(({ name, count: pictures }) => swatch(name, t("colour-counted", { colour: nameOfColour(name), n: number(pictures) }), () => press(name), { count: pictures })));
    lacking.set(found.without);
    picker.element.hidden = found.without > 0 && basic.length === 0;
    element.hidden = store.library.pictures === 0;
    set(wanted);
    onCounted();
  };
  return { element, set, count: () => count().catch(() => (element.hidden = true)), stop: later.cancel };
}

/** { element, set(color) }: what is asked for by colour, which can be removed. */
export function colourChip() {
  const place = h("span", { class: "asked-colours" });
  const name = h("span", { class: "name" });
  const remove = button("close", t("colours-drop"), () => go(askedInColour(route(), null)), { class: "quiet round small part-remove" });
  const element = h("div", { class: "asked-colour", hidden: true }, place, name, remove);
  /** @param {string | null} color */
  const set = (color) => {
    const colours = readColours(color);
    element.hidden = !colours.length;
    fill(place, colours.length > 0 && colourBar(colours));
    name.textContent = name.title = coloursText(colours);
  };
  return { element, set };
}
