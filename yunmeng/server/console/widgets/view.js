// How a grid looks: how large its pictures are, what stands below them and on them. Kept in the browser.
import { h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { HEIGHTS, prefer, preference } from "/console/lib/preferences.js";
import { store } from "/console/lib/store.js";
import { menu } from "./menu.js";

export function viewControls() {
  const choices = menu("sliders", t("view"), () => [size("menu-size"), titles(), store.attributes.length > 0 && badges()]);
  return h("div", { class: "view" }, size("bar-size"), choices.element);
}

/** The slider stands in the bar, and in the menu where the bar has no room for it. @param {string} kind */
function size(kind) {
  const input = h("input", { type: "range", min: HEIGHTS.least, max: HEIGHTS.most, step: 4, "aria-label": t("view-size"), title: t("view-size") });
  const paint = () => {
    input.value = String(preference("height"));
    input.style.setProperty("--to", `${((preference("height") - HEIGHTS.least) / (HEIGHTS.most - HEIGHTS.least)) * 100}%`);
  };
  input.addEventListener("input", () => {
    prefer("height", input.valueAsNumber);
    paint();
  });
  paint();
  return h("label", { class: `view-size ${kind}` }, icon("small"), input, icon("large"));
}

function titles() {
  const options = store.attributes.map(({ name }) => h("option", { value: name }, name));
  const select = h("select", { class: "field", id: "view-title", onchange: () => prefer("title", select.value) }, h("option", { value: "" }, t("view-name")), ...options);
  select.value = store.attributes.some(({ name }) => name === preference("title")) ? preference("title") : "";
  return h("div", { class: "form-row" }, h("label", { for: "view-title" }, t("view-title")), select);
}

function badges() {
  const boxes = store.attributes.map(({ name }) => {
    const change = () => prefer("badges", [...preference("badges").filter((one) => one !== name), ...(input.checked ? [name] : [])]);
    const input = h("input", { type: "checkbox", checked: preference("badges").includes(name), onchange: change });
    return h("label", { class: "check" }, input, name);
  });
  return h("fieldset", { class: "menu-choices" }, h("legend", {}, t("view-badges")), ...boxes);
}
