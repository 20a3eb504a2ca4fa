// The controls of lib/options.js: a switch, or a slider from nothing to the most.
import { h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { OPTIONS } from "/console/lib/options.js";
import { store } from "/console/lib/store.js";

/** @import { Options } from "/console/lib/types.js" */

const STEPS = 20; // of a slider

/**
 * { element, set(options) }; `onChange(options)` is told of each change.
 *
 * @param {(options: Options) => void} onChange
 */
export function optionsPanel(onChange) {
  /** @type {Options} */
  let options = {};
  const controls = OPTIONS.filter(({ offered }) => offered?.(store.library) ?? true).map(({ name, most }) => {
    const change = (/** @type {number | boolean} */ value) => {
      const changed = { ...options, [name]: value };
      if (!value) delete changed[name];
      onChange(changed);
    };
    return { name, ...(most === undefined ? switchFor(name, change) : sliderFor(name, most, change)) };
  });
  /** @param {Options} now */
  const set = (now) => {
    options = now;
    controls.forEach(({ name, set: put }) => put(now[name] ?? 0));
  };
  return { element: h("div", { class: "options", hidden: true }, ...controls.map(({ element }) => element)), set };
}

/** @param {string} name */
const hintFor = (name) => h("p", { class: "hint", id: `${name}-hint` }, t(`option-${name}-hint`));

/** @param {string} name @param {(on: boolean) => void} onChange */
function switchFor(name, onChange) {
  const input = h("input", { type: "checkbox", role: "switch", id: name, "aria-describedby": `${name}-hint`, onchange: () => onChange(input.checked) });
  const element = h("div", { class: "switch" }, h("label", { for: name }, h("span", {}, t(`option-${name}`)), input), hintFor(name));
  return { element, set: (/** @type {number | boolean} */ on) => (input.checked = Boolean(on)) };
}

/** @param {string} name @param {number} most @param {(value: number) => void} onChange */
function sliderFor(name, most, onChange) {
  const shown = h("output", { class: "cutoff-value", for: name });
  const input = h("input", { type: "range", id: name, min: 0, max: most, step: most / STEPS, "aria-describedby": `${name}-hint` });
  const paint = () => {
    shown.textContent = input.valueAsNumber > 0 ? number(input.valueAsNumber, 2) : t("cutoff-none");
    input.setAttribute("aria-valuetext", shown.textContent);
    input.style.setProperty("--to", `${(input.valueAsNumber / most) * 100}%`);
  };
  input.addEventListener("input", paint);
  input.addEventListener("change", () => onChange(input.valueAsNumber));
  const set = (/** @type {number | boolean} */ value) => {
    input.value = String(Number(value));
    paint();
  };
  const head = h("div", { class: "filter-head" }, h("label", { for: name, class: "label" }, t(`option-${name}`)), shown);
  return { element: h("div", { class: "cutoff" }, head, input, hintFor(name)), set };
}
