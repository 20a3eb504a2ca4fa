// int and float: two fields for the bounds, and a slider with two thumbs over what there is.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";

/** @import { Choice } from "./expression.js" */
/** @import { Attribute } from "/console/lib/types.js" */

const PLACES = 200; // of a thumb, about as many as it has pixels

export class RangeControl {
  /** @param {Attribute} attribute @param {(choice: Choice | null) => void} onChange */
  constructor({ name, type, min, max }, onChange) {
    this.onChange = onChange;
    /** @type {{ side: "min" | "max", label: string, end: number | null }[]} */
    const sides = [{ side: "min", label: t("filter-at-least", { name }), end: min }, { side: "max", label: t("filter-at-most", { name }), end: max }];
    this.fields = sides.map(({ side, label, end }) =>
      h("input", { class: "field", type: "number", inputmode: "decimal", step: "any", "aria-label": label, placeholder: end ?? "", "data-side": side }));
    const step = type === "int" ? Math.max(1, niceStep(min, max)) : niceStep(min, max);
    this.ends = { min: Math.floor((min ?? 0) / step) * step, max: Math.ceil((max ?? 1) / step) * step };
    const slides = min !== null && max !== null && min < max;
    this.thumbs = slides ? sides.map(({ side, label }) => h("input", { type: "range", ...this.ends, step, "aria-label": label, value: this.ends[side] })) : [];
    this.track = h("div", { class: "track" });
    this.fields.forEach((field) => field.addEventListener("input", () => (this.#pull(), this.#tell())));
    this.thumbs.forEach((thumb, index) => thumb.addEventListener("input", () => this.#slide(index)));
    const fromTo = h("div", { class: "from-to" }, this.fields[0], h("span", { "aria-hidden": "true" }, "–"), this.fields[1]);
    this.element = h("div", { class: "control" }, fromTo, slides && h("div", { class: "two-thumbs" }, this.track, ...this.thumbs));
    this.#paint();
  }

  /** @param {Choice | null | undefined} choice */
  set(choice) {
    for (const field of this.fields) {
      if (document.activeElement !== field) field.value = String(choice?.[sideOf(field)] ?? "");
    }
    this.#pull();
  }

  #tell() {
    const [min, max] = this.fields.map(read);
    this.onChange(min === undefined && max === undefined ? null : { min, max });
  }

  /** The thumbs follow the fields. */
  #pull() {
    this.thumbs.forEach((thumb, index) => (thumb.value = String(read(this.fields[index]) ?? this.ends[sideOf(this.fields[index])])));
    this.#paint();
  }

  /**
   * The fields follow the thumbs; a thumb at its end means no bound, and none passes the other.
   *
   * @param {number} index
   */
  #slide(index) {
    const [low, high] = this.thumbs.map((thumb) => thumb.valueAsNumber);
    if (low > high) this.thumbs[index].value = this.thumbs[1 - index].value;
    const value = this.thumbs[index].valueAsNumber;
    const field = this.fields[index];
    field.value = value === this.ends[sideOf(field)] ? "" : String(Number(value.toFixed(6)));
    this.#paint();
    this.#tell();
  }

  #paint() {
    if (!this.thumbs.length) return;
    const { min, max } = this.ends;
    const [from, to] = this.thumbs.map((thumb) => `${((thumb.valueAsNumber - min) / (max - min)) * 100}%`);
    this.track.style.setProperty("--from", from);
    this.track.style.setProperty("--to", to);
  }
}

/** @type {(field: HTMLInputElement) => "min" | "max"} */
const sideOf = (field) => (field.dataset.side === "min" ? "min" : "max");

/** @param {HTMLInputElement} field */
const read = (field) => (Number.isFinite(field.valueAsNumber) ? field.valueAsNumber : undefined);

/**
 * A step of 1, 2 or 5 times a power of ten that gives the slider enough places, and not more.
 *
 * @param {number | null} min
 * @param {number | null} max
 */
function niceStep(min, max) {
  const rough = ((max ?? 1) - (min ?? 0)) / PLACES || 0.01;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough * 0.999) ?? power;
}
