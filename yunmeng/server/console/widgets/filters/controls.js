// A control for each type of attribute. Each has `element` and `set(choice)`, and tells `onChange(choice or null)`;
// expression.js says what a choice is.
import { button, focused, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { RangeControl } from "./range.js";

/** @import { Choice } from "./expression.js" */
/** @import { Attribute } from "/console/lib/types.js" */

/** @typedef {{ element: HTMLElement, set: (choice: Choice | null | undefined) => void }} Control */

const CHIPS = 8; // values to choose by a touch; the rest are found by typing

const OPTIONS = [{ key: "any", is: null }, { key: "yes", is: true }, { key: "no", is: false }];

let made = 0;
/** @param {string} word */
const fresh = (word) => `${word}-${(made += 1)}`;

/** @param {Attribute} attribute @param {(choice: Choice | null) => void} onChange @returns {Control} */
export function controlFor(attribute, onChange) {
  if (attribute.type === "bool") return yesOrNo(attribute, onChange);
  if (attribute.type === "int" || attribute.type === "float") return new RangeControl(attribute, onChange);
  return new ValuesControl(attribute, onChange);
}

/** str and list[str]: chips of the commonest values, and a field that knows the others. */
class ValuesControl {
  /** @param {Attribute} attribute @param {(choice: Choice | null) => void} onChange */
  constructor(attribute, onChange) {
    this.attribute = attribute;
    this.onChange = onChange;
    this.known = attribute.values.map(({ value }) => value);
    /** @type {string[]} */
    this.chosen = [];
    this.chips = h("div", { class: "chips", role: "group", "aria-label": attribute.name });
    const listId = fresh("values");
    this.input = h("input", {
      class: "field", type: "text", list: listId, "aria-label": t("filter-value", { name: attribute.name }), autocomplete: "off",
      placeholder: t(attribute.type === "str" ? "filter-begins" : "filter-add"),
    });
    this.input.addEventListener("input", () => this.#onInput());
    this.input.addEventListener("keydown", (event) => this.#onKey(event));
    const list = h("datalist", { id: listId }, ...this.known.map((value) => h("option", { value })));
    const others = this.known.length > CHIPS || this.known.length === 0 || !attribute.complete;
    this.element = h("div", { class: "control" }, this.chips, others && this.input, list);
    this.#draw();
  }

  /** @param {Choice | null | undefined} choice */
  set(choice) {
    this.chosen = [...(choice?.any ?? [])];
    if (document.activeElement !== this.input) this.input.value = choice?.begins ?? "";
    this.#draw();
  }

  #onInput() {
    const { value } = this.input;
    if (this.known.includes(value) && !this.chosen.includes(value)) this.#toggle(value);
    else this.#tell();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key !== "Enter" || !this.input.value) return;
    event.preventDefault();
    if (this.chosen.includes(this.input.value)) this.input.value = "";
    else this.#toggle(this.input.value);
  }

  /** @param {string} value */
  #toggle(value) {
    this.chosen = this.chosen.includes(value) ? this.chosen.filter((one) => one !== value) : [...this.chosen, value];
    this.input.value = "";
    this.#draw();
    this.#tell();
  }

  /** While one types, a str is filtered by how it begins; `like` knows no other use of % and _. */
  #tell() {
    const { value } = this.input;
    const begins = this.attribute.type === "str" && !/[%_]/.test(value) ? value : "";
    if (this.chosen.length) this.onChange({ any: this.chosen });
    else this.onChange(begins ? { begins } : null);
  }

  #draw() {
    const shown = this.attribute.values.slice(0, CHIPS);
    for (const value of this.chosen) if (!shown.some((one) => one.value === value)) shown.push({ value, count: null });
    const before = this.chips.contains(focused()) ? focused().dataset.value : undefined;
    const chips = shown.map((one) => chip(one, this.chosen.includes(one.value), () => this.#toggle(one.value)));
    this.chips.replaceChildren(...chips);
    chips.find((one) => one.dataset.value === before)?.focus();
  }
}

/** @param {{ value: string, count: number | null }} known @param {boolean} pressed @param {() => void} onclick */
function chip({ value, count }, pressed, onclick) {
  return h(
    "button",
    { type: "button", class: "chip", "aria-pressed": String(pressed), onclick, "data-value": value },
    h("span", { class: "chip-text" }, value || t("empty-value")),
    count !== null && h("span", { class: "chip-count" }, number(count)),
  );
}

/** @param {Attribute} attribute @param {(choice: Choice | null) => void} onChange @returns {Control} */
function yesOrNo({ name }, onChange) {
  const group = fresh("choice");
  const options = OPTIONS.map(({ key, is }) => {
    const input = h("input", { type: "radio", name: group, checked: is === null });
    input.addEventListener("change", () => onChange(is === null ? null : { is }));
    return { is, input, element: h("label", { class: "segment" }, input, h("span", {}, t(key))) };
  });
  /** @param {Choice | null | undefined} choice */
  const set = (choice) => options.forEach((option) => (option.input.checked = option.is === (choice?.is ?? null)));
  return {
    element: h("div", { class: "segments", role: "radiogroup", "aria-label": name }, ...options.map((option) => option.element)),
    set,
  };
}

/**
 * A button that empties a control, shown while it asks for something.
 *
 * @param {string} name
 * @param {() => void} onclick
 */
export const clearButton = (name, onclick) =>
  button("close", t("filter-clear", { name }), onclick, { class: "quiet round small", hidden: true });
