// The form that registers a picture: one of the library by its id, or a file, which comes into the library first.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { loadLibrary } from "/console/lib/store.js";
import { explain, toast } from "/console/widgets/announce.js";
import * as copyright from "./api.js";

const FIELDS = [["owner", "work-owner"], ["title", "work-title"], ["licence", "work-licence"], ["date", "work-date"]];

/** { element }; `onDone` is called when a work is registered. @param {() => void} onDone */
export function registerForm(onDone) {
  const id = h("input", { class: "field", id: "work-id", required: true });
  const inputs = Object.fromEntries(FIELDS.map(([name]) => [name, h("input", { class: "field", id: `work-${name}`, required: name === "owner" })]));
  inputs.date.placeholder = "2026-11-29";
  const problem = h("p", { class: "problem", role: "alert" });
  const start = h("button", { class: "solid" }, t("work-add"));
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => file.files?.[0] && take(file.files[0]) });
  /** @param {unknown} error */
  const say = (error) => {
    const { title, detail } = explain(error);
    problem.textContent = [title, detail].filter(Boolean).join(" ");
  };
  /** @param {File} picture */
  const take = async (picture) => {
    problem.textContent = "";
    try {
      const { results } = await api.add(picture, { id: null, values: null, onProgress: () => {} });
      if (results[0].error) return say(new api.ApiError(422, results[0].error));
      id.value = results[0].id ?? "";
      return loadLibrary();
    } catch (error) {
      return say(error);
    }
  };
  /** @param {SubmitEvent} event */
  const onsubmit = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    start.disabled = true;
    try {
      const details = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]).filter(([, value]) => value));
      const work = await copyright.add(/** @type {any} */ ({ id: id.value.trim(), ...details }));
      toast(t("work-done", { n: number(work.number) }));
      for (const input of [id, inputs.title, inputs.date]) input.value = "";
      onDone();
    } catch (error) {
      say(error);
    } finally {
      start.disabled = false;
    }
  };
  /** @param {string} label @param {HTMLInputElement} input @param {(Node | string)[]} more */
  const row = (label, input, ...more) => h("div", { class: "form-row" }, h("label", { for: input.id }, t(label)), input, ...more);
  const choose = button("upload", t("check-choose"), () => file.click(), { text: true });
  const form = h("form", { class: "order", onsubmit }, row("work-id", id, choose, file), ...FIELDS.map(([name, label]) => row(label, inputs[name])), problem, start);
  return { element: h("section", { class: "card", "aria-labelledby": "work-add" }, h("h2", { id: "work-add" }, t("work-add")), form) };
}
