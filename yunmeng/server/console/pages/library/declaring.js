// What the library declares of its pictures: attributes are added, get another type, or are declared no longer.
import { button, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { openDialog, title } from "/console/widgets/dialog.js";
import { order } from "./upkeep.js";

/** @import { OnOrdered } from "./upkeep.js" */
/** @typedef {{ element: HTMLElement, name: () => string, type: () => string | null, before: string | null }} Row */

const TYPES = ["str", "int", "float", "bool", "list[str]"];

/** @param {OnOrdered} onOrdered */
export const declareButton = (onOrdered) => button("", t("declare-open"), () => openForm(onOrdered), { text: true, kind: "outline" });

/** @param {OnOrdered} onOrdered */
function openForm(onOrdered) {
  /** @type {Row[]} */
  const rows = Object.entries(store.library.attributes).map(([name, type]) => known(name, type));
  const list = h("div", { class: "declarations" }, ...rows.map(({ element }) => element));
  const start = h("button", { class: "solid" }, t("declare-start"));
  /** What is to be another than it is now. @returns {Record<string, string | null>} */
  const changes = () => Object.fromEntries(rows.filter((row) => row.name() && row.type() !== row.before).map((row) => [row.name(), row.type()]));
  const look = () => (start.disabled = Object.keys(changes()).length === 0);
  const more = button("plus", t("declare-more"), () => {
    const row = fresh(rows.length);
    rows.push(row);
    list.append(row.element);
    row.element.querySelector("input")?.focus();
  }, { text: true });
  /** @param {SubmitEvent} event */
  const onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    order("declare", { attributes: changes() }, onOrdered);
  };
  const actions = h("div", { class: "actions end" }, button("", t("cancel"), () => dialog.close(), { text: true, kind: "outline" }), start);
  const form = h("form", { class: "order attribute-form", onsubmit, onchange: look, oninput: look }, list, more, actions);
  const dialog = openDialog("small-dialog", t("declare-title"), [title({}, t("declare-title")), h("p", {}, t("declare-hint")), form]);
  if (rows.length === 0) more.click();
  look();
}

/** One that is declared. @param {string} name @param {string} type @returns {Row} */
function known(name, type) {
  const id = `declared-${name}`;
  const select = types(id, [["", t("declare-none")]]);
  select.value = type;
  const element = h("div", { class: "declaration" }, h("label", { for: id }, name), select);
  return { element, name: () => name, type: () => select.value || null, before: type };
}

/** One more. @param {number} at @returns {Row} */
function fresh(at) {
  const name = h("input", { class: "field", maxlength: 200, "aria-label": t("declare-name"), placeholder: t("declare-name") });
  const select = types(`declare-type-${at}`);
  select.setAttribute("aria-label", t("declare-type"));
  const element = h("div", { class: "declaration" }, name, select);
  return { element, name: () => name.value.trim(), type: () => select.value, before: null };
}

/** @param {string} id @param {string[][]} more */
const types = (id, more = []) =>
  h("select", { class: "field", id }, ...TYPES.map((type) => h("option", { value: type }, t(`type-${type}`))), ...more.map(([value, text]) => h("option", { value }, text)));
