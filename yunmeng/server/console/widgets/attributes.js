// Attributes as fields of a form, each as its type asks, and the values back from it.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";

/** @import { Attribute, Attributes, AttributeType, Value } from "/console/lib/types.js" */

let made = 0;

/**
 * A value for people: lists joined, truth in words.
 *
 * @param {Value | null | undefined} value
 */
export function valueText(value) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
}

/**
 * { element, read() }: `declared` as GET /v1/attributes gives them, `values` what is there. Undeclared values are kept.
 *
 * @param {Attribute[]} declared
 * @param {Attributes} values
 * @returns {{ element: HTMLElement, read: () => Attributes }}
 */
export function attributeForm(declared, values = {}) {
  made += 1;
  const fields = declared.map((attribute) => field(attribute, values[attribute.name], `attribute-${made}-${attribute.name}`));
  const kept = Object.fromEntries(Object.entries(values).filter(([name]) => !declared.some((one) => one.name === name)));
  const read = () => {
    const given = fields.map(({ name, value }) => ({ name, value: value() }));
    return { ...kept, ...Object.fromEntries(given.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]))) };
  };
  return { element: h("div", { class: "attribute-form" }, ...fields.map(({ element }) => element)), read };
}

/**
 * Fields to change some attributes of several pictures: a tick beside each says that it is to be changed. What is ticked and
 * empty is read as null.
 *
 * @param {Attribute[]} declared
 */
export function changesForm(declared) {
  made += 1;
  const rows = declared.map((attribute) => {
    const one = field(attribute, undefined, `attribute-${made}-${attribute.name}`);
    const tick = h("input", { type: "checkbox", "aria-label": t("set-this", { name: attribute.name }) });
    one.element.addEventListener("input", () => (tick.checked = true));
    return { ...one, tick, row: h("div", { class: "change-row" }, tick, one.element) };
  });
  /** @returns {Record<string, Value | null>} */
  const read = () => Object.fromEntries(rows.filter(({ tick }) => tick.checked).map(({ name, value }) => [name, value()]));
  return { element: h("div", { class: "attribute-form" }, ...rows.map(({ row }) => row)), read };
}

/** @param {Attribute} attribute @param {Value | undefined} value @param {string} id */
function field({ name, type, values }, value, id) {
  const input = type === "bool" ? truth(value, id) : written(type, value, id, values);
  const read = () => readers[type](input.value.trim());
  const hint = type === "list[str]" ? h("span", { class: "hint" }, t("list-hint")) : null;
  const known = values?.length && type === "str" ? h("datalist", { id: `${id}-known` }, ...values.map((one) => h("option", { value: one.value }))) : null;
  return { name, value: read, element: h("div", { class: "form-row" }, h("label", { for: id }, name, " ", hint), input, known) };
}

/** @type {Record<AttributeType, (text: string) => Value | null>} */
const readers = {
  str: (text) => text || null,
  int: (text) => (text === "" ? null : Number(text)),
  float: (text) => (text === "" ? null : Number(text)),
  bool: (text) => (text === "" ? null : text === "true"),
  "list[str]": (text) => {
    const parts = text.split("\n").map((part) => part.trim()).filter(Boolean);
    return parts.length ? parts : null;
  },
};

/** @param {AttributeType} type @param {Value | undefined} value @param {string} id @param {Attribute["values"]} values */
function written(type, value, id, values) {
  if (type === "list[str]") return h("textarea", { class: "field", id, rows: 3, value: Array.isArray(value) ? value.join("\n") : "" });
  if (type === "str") return h("input", { class: "field", id, value: value ?? "", list: values?.length ? `${id}-known` : null, autocomplete: "off" });
  return h("input", { class: "field", id, type: "number", step: type === "int" ? 1 : "any", value: value ?? "" });
}

/** @param {Value | undefined} value @param {string} id */
function truth(value, id) {
  const options = [["", t("not-set")], ["true", t("yes")], ["false", t("no")]];
  const select = h("select", { class: "field", id }, ...options.map(([key, text]) => h("option", { value: key }, text)));
  select.value = value === undefined || value === null ? "" : String(value);
  return select;
}
