// A control for each type of attribute. Each has `element` and `set(choice)`, and tells `onChange(choice or null)`;
// expression.js says what a choice is.
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { RangeControl } from "./range.js";

const CHIPS = 8; // values to choose by a touch; the rest are found by typing

let made = 0;
const fresh = (word) => `${word}-${(made += 1)}`;

export function controlFor(attribute, onChange) {
  if (attribute.type === "bool") return yesOrNo(attribute, onChange);
  if (attribute.type === "int" || attribute.type === "float") return new RangeControl(attribute, onChange);
  return new ValuesControl(attribute, onChange);
}

/** str and list[str]: chips of the commonest values, and a field that knows the others. */
class ValuesControl {
  constructor(attribute, onChange) {
    this.attribute = attribute;
    this.onChange = onChange;
    this.known = attribute.values.map(({ value }) => value);
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

  #onKey(event) {
    if (event.key !== "Enter" || !this.input.value) return;
    event.preventDefault();
    if (this.chosen.includes(this.input.value)) this.input.value = "";
    else this.#toggle(this.input.value);
  }

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
    const before = this.chips.contains(document.activeElement) ? document.activeElement.dataset.value : undefined;
    const chips = shown.map((one) => chip(one, this.chosen.includes(one.value), () => this.#toggle(one.value)));
    this.chips.replaceChildren(...chips);
    chips.find((one) => one.dataset.value === before)?.focus();
  }
}

function chip({ value, count }, pressed, onclick) {
  return h(
    "button",
    { type: "button", class: "chip", "aria-pressed": String(pressed), onclick, "data-value": value },
    h("span", { class: "chip-text" }, value || t("empty-value")),
    count !== null && h("span", { class: "chip-count" }, number(count)),
  );
}

function yesOrNo({ name }, onChange) {
  const group = fresh("choice");
  const options = [["any", null], ["yes", true], ["no", false]].map(([key, is]) => {
    const input = h("input", { type: "radio", name: group, checked: is === null });
    input.addEventListener("change", () => onChange(is === null ? null : { is }));
    return { is, input, element: h("label", { class: "segment" }, input, h("span", {}, t(key))) };
  });
  const set = (choice) => options.forEach((option) => (option.input.checked = option.is === (choice?.is ?? null)));
  return {
    element: h("div", { class: "segments", role: "radiogroup", "aria-label": name }, ...options.map((option) => option.element)),
    set,
  };
}

/** A button that empties a control, shown while it asks for something. */
export const clearButton = (name, onclick) =>
  button("close", t("filter-clear", { name }), onclick, { class: "quiet round small", hidden: true });
