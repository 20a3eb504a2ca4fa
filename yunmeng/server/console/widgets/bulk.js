// Attributes of several pictures at once.
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { explain } from "./announce.js";
import { changesForm } from "./attributes.js";
import { openDialog, title } from "./dialog.js";

/** @import { AttributeChanges } from "/console/lib/api.js" */
/** @import { Attribute } from "/console/lib/types.js" */
/** @typedef {(changes: AttributeChanges) => Promise<void>} Change */

/** @param {number} count @param {Attribute[]} lists @param {Change} change */
export function tagPictures(count, lists, change) {
  const which = h("select", { class: "field", id: "tag-attribute" }, ...lists.map(({ name }) => h("option", { value: name }, name)));
  const input = h("textarea", { class: "field", id: "tag-values", rows: 3, required: true });
  const known = h("div", { class: "chips" });
  /** @param {string} value */
  const put = (value) => (input.value = [...input.value.split("\n").filter(Boolean), value].join("\n"));
  const offer = () => {
    const values = lists.find(({ name }) => name === which.value)?.values.slice(0, 8) ?? [];
    known.replaceChildren(...values.map(({ value }) => h("button", { type: "button", class: "chip", onclick: () => put(value) }, value)));
  };
  which.addEventListener("change", offer);
  offer();
  const choice = h("div", { class: "form-row", hidden: lists.length < 2 }, h("label", { for: "tag-attribute" }, t("tag-attribute")), which);
  const fields = [choice, h("div", { class: "form-row" }, h("label", { for: "tag-values" }, t("tag-values")), input), known];
  form(t("tag-title", { n: number(count) }), fields, t("tag"), () => {
    const values = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
    return change({ values: {}, add: { [which.value]: values } });
  });
  input.focus();
}

/** @param {number} count @param {Change} change */
export function setAttributes(count, change) {
  const changes = changesForm(store.attributes);
  const hint = h("p", { class: "hint" }, t("set-attributes-hint"));
  form(t("set-attributes-title", { n: number(count) }), [hint, changes.element], t("apply"), async () => {
    const values = changes.read();
    if (Object.keys(values).length) await change({ values, add: {} });
  });
}

/** @param {string} name @param {Node[]} fields @param {string} action @param {() => Promise<void>} act */
function form(name, fields, action, act) {
  const problem = h("p", { class: "problem", role: "alert" });
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await act();
      dialog.close();
    } catch (error) {
      const { title: said, detail } = explain(error);
      problem.textContent = [said, detail].filter(Boolean).join(" ");
    }
  };
  const buttons = h("div", { class: "actions end" }, button("", t("cancel"), () => dialog.close(), { text: true, kind: "outline" }), h("button", { class: "solid" }, action));
  const dialog = openDialog("small-dialog", name, [title({}, name), h("form", { class: "edit", onsubmit: submit }, ...fields, problem, buttons)]);
}
