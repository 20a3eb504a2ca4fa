// The attributes of one picture: a table whose values are changed where they stand, or all of them in a form.
import * as api from "/console/lib/api.js";
import { $, button, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { loadLibrary, may, store } from "/console/lib/store.js";
import { inLine, toast } from "./announce.js";
import { attributeForm, valueText } from "./attributes.js";

/** @import { Attribute, Attributes, PictureFacts, Value } from "/console/lib/types.js" */
/** @typedef {(changed: PictureFacts) => void} Again */

/** @param {PictureFacts} found @param {Again} again */
export function attributesOf(found, again) {
  const head = h("h3", { "aria-level": 2 }, t("attributes"));
  const place = h("section", { class: "attributes" }, head);
  const declared = may("write") ? store.attributes : store.attributes.filter(({ name }) => name in found.attributes);
  const others = Object.entries(found.attributes).filter(([name]) => !store.attributes.some((one) => one.name === name));
  const rows = [
    ...declared.map((attribute) => row(attribute.name, editable(attribute, found, again))),
    ...others.map(([name, value]) => row(name, valueText(value))),
  ];
  place.append(rows.length ? h("table", { class: "table" }, h("tbody", {}, ...rows)) : h("p", { class: "hint" }, t("no-attributes")));
  if (may("write") && declared.length) place.append(button("edit", t("edit"), () => editAll(place, head, found, again), { text: true, kind: "quiet" }));
  return place;
}

/** @param {string} name @param {Node | string} value */
const row = (name, value) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value));

/** A value that becomes a field when it is pressed. @param {Attribute} attribute @param {PictureFacts} found @param {Again} again */
function editable(attribute, found, again) {
  const { name } = attribute;
  const value = found.attributes[name];
  if (!may("write")) return valueText(value);
  const text = value === undefined || value === null ? t("not-set") : valueText(value);
  const press = h("button", { type: "button", class: `value${value === undefined ? " unset" : ""}`, title: t("edit-named", { name }), onclick: () => begin() }, text);
  const begin = () => {
    const form = attributeForm([attribute], value === undefined ? {} : { [name]: value });
    const problem = h("p", { class: "problem", role: "alert" });
    const end = () => {
      editor.replaceWith(press);
      press.focus();
    };
    /** @param {SubmitEvent} event */
    const save = async (event) => {
      event.preventDefault();
      try {
        again(await changed(found, { ...found.attributes, [name]: form.read()[name] ?? null }));
      } catch (error) {
        problem.textContent = inLine(error);
      }
    };
    const buttons = h("div", { class: "actions" }, h("button", { class: "solid small" }, t("save")), button("", t("cancel"), end, { text: true, kind: "outline small" }));
    const editor = h("form", { class: "edit-value", onsubmit: save }, form.element, problem, buttons);
    editor.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // or the dialog would close
      event.stopPropagation();
      end();
    });
    press.replaceWith(editor);
    $("input, select, textarea", editor).focus();
  };
  return press;
}

/** @param {HTMLElement} place @param {HTMLElement} head @param {PictureFacts} found @param {Again} again */
function editAll(place, head, found, again) {
  const form = attributeForm(store.attributes, found.attributes);
  const problem = h("p", { class: "problem", role: "alert" });
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    event.preventDefault();
    try {
      again(await changed(found, form.read()));
    } catch (error) {
      problem.textContent = inLine(error);
    }
  };
  const buttons = h("div", { class: "actions" }, h("button", { class: "solid" }, t("save")), button("", t("cancel"), () => again(found), { text: true, kind: "outline" }));
  place.replaceChildren(head, h("form", { class: "edit", onsubmit: save }, form.element, problem, buttons));
  $("input, select, textarea", form.element)?.focus();
}

/** @param {PictureFacts} found @param {Record<string, Value | null>} values */
async function changed(found, values) {
  const given = /** @type {Attributes} */ (Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)));
  const after = await api.setAttributes(found.id, given);
  toast(t("saved"));
  loadLibrary().catch(() => {}); // only the values that filters offer
  return after;
}
