// Up to five colours that are chosen freely, each with its share.
import { button, h, icon } from "/console/lib/dom.js";
import { hexOf, LEAST_SHARE, MOST, nameOfColour, withColour, withoutColour, withShare } from "/console/lib/colours.js";
import { t } from "/console/lib/i18n.js";
import { shareText } from "./swatches.js";

/** @import { AskedColour } from "/console/lib/colours.js" */
/** @typedef {(colours: AskedColour[], done: boolean) => void} OnChange */

/**
 * { element, set(colours, listed) }: `listed` says whether they are shown one by one.
 *
 * @param {OnChange} onChange
 */
export function colourPicker(onChange) {
  /** @type {AskedColour[]} */
  let colours = [];
  /** @type {ReturnType<typeof pickedColour>[]} Rows are changed in place, or the finger would lose its slider. */
  let rows = [];
  const list = h("ul", { class: "picked-colours", "aria-label": t("colours") });
  const add = h("input", { type: "color", value: "#808080" });
  const words = h("span", {});
  const label = h("label", { class: "outline small pick-colour" }, add, icon("plus"), words);
  add.addEventListener("change", () => change(withColour(colours, add.value), true));
  /** @param {AskedColour[]} next @param {boolean} done */
  const change = (next, done) => {
    set(next, true);
    onChange(next, done);
  };
  /** @param {number} at */
  const remove = (at) => {
    change(withoutColour(colours, at), true);
    (rows[Math.min(at, rows.length - 1)]?.remove ?? add).focus(); // the button that had the keyboard is gone
  };
  /** @param {number} at */
  const newRow = (at) =>
    pickedColour({
      recolour: (colour, done) => change(colours.map((one, index) => (index === at ? { ...one, colour } : one)), done),
      share: (share, done) => change(withShare(colours, at, share), done),
      remove: () => remove(at),
    });
  /** @param {AskedColour[]} next @param {boolean} listed */
  const set = (next, listed) => {
    colours = next;
    const shown = listed ? next : [];
    rows = shown.map((_, at) => rows[at] ?? newRow(at));
    while (list.children.length > rows.length) list.lastChild?.remove();
    rows.forEach((row, at) => list.children[at] ?? list.append(row.element));
    rows.forEach((row, at) => row.set(shown[at], shown.length));
    list.hidden = !rows.length;
    words.textContent = t(next.length ? "colour-add" : "colour-choose");
    label.hidden = next.length >= MOST;
  };
  set([], false);
  return { element: h("div", { class: "control" }, list, h("div", {}, label)), set };
}

/** @param {{ recolour: (colour: string, done: boolean) => void, share: (share: number, done: boolean) => void, remove: () => void }} acts */
function pickedColour(acts) {
  const input = h("input", { type: "color" });
  const name = h("span", { class: "name" });
  const slider = h("input", { type: "range", min: LEAST_SHARE * 100, step: 1 });
  const shown = h("output", { class: "colour-share" });
  const remove = button("close", t("colour-remove", { colour: "" }), acts.remove, { class: "quiet round small" });
  input.addEventListener("input", () => acts.recolour(input.value, false));
  input.addEventListener("change", () => acts.recolour(input.value, true));
  slider.addEventListener("input", () => acts.share(slider.valueAsNumber / 100, false));
  slider.addEventListener("change", () => acts.share(slider.valueAsNumber / 100, true));
  const controls = h("span", { class: "colour-weight" }, slider, shown);
  /** @param {AskedColour} now @param {number} count */
  const set = ({ colour, share }, count) => {
    const called = nameOfColour(colour);
    input.value = hexOf(colour);
    input.setAttribute("aria-label", t("colour-change", { colour: called }));
    name.textContent = called;
    const most = 100 - 100 * LEAST_SHARE * (count - 1);
    slider.max = String(most);
    if (Math.round(share * 100) !== slider.valueAsNumber) slider.value = String(Math.round(share * 100));
    slider.style.setProperty("--to", `${((slider.valueAsNumber - 100 * LEAST_SHARE) / (most - 100 * LEAST_SHARE)) * 100}%`);
    slider.setAttribute("aria-label", t("colour-share", { colour: called }));
    shown.textContent = t("percent", { n: shareText(share) });
    slider.setAttribute("aria-valuetext", shown.textContent);
    controls.hidden = count < 2; // one alone has all of it
    remove.title = t("colour-remove", { colour: called });
    remove.setAttribute("aria-label", remove.title);
  };
  return { element: h("li", {}, input, name, remove, controls), remove, set };
}
