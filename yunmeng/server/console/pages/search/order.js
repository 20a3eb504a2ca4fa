// In which order hits come: steps that look at the first of them again, one by one; another metric; one hit for each value.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";

/** @import { Route } from "/console/lib/types.js" */
/** @typedef {{ onePicture: boolean, parts: boolean, colourAlone: boolean }} Kind What an order has to go with: see question.js. */

const IN_FRONT = ["geometry", "expand", "diverse"]; // of the steps: what most people need
const OF_ONE_PICTURE = ["geometry", "fingerprint"]; // pixels are looked at, so one picture must have been asked with

/**
 * Why a step or a metric does not go with a question, as a word's key; null where it does.
 *
 * @param {string} name
 * @param {Kind} kind
 */
function against(name, { onePicture, parts, colourAlone }) {
  if (colourAlone) return "step-needs-question";
  if (!onePicture && OF_ONE_PICTURE.includes(name)) return "step-needs-picture";
  return parts && name !== "geometry" ? "step-needs-wholes" : null;
}

/**
 * What of a route's order goes with its question, { onePicture, parts, colourAlone }: whether one picture and nothing beside it is asked
 * with, whether parts of pictures are searched, and whether nothing but a colour is asked for.
 *
 * @param {Pick<Route, "rerank" | "metric" | "group">} order
 * @param {Kind} question
 */
export function orderThatApplies({ rerank, metric, group }, question) {
  return { rerank: rerank.filter((name) => !against(name, question)), metric: metric && !against(metric, question) ? metric : null, group };
}

/**
 * { element, set(route, question) }; `onChange({ rerank } or { metric } or { group })` is told what was chosen.
 *
 * @param {(changes: Partial<Route>) => void} onChange
 */
export function orderPanel(onChange) {
  /** @type {string[]} */
  let chosen = [];
  /** @param {string} name */
  const toggle = (name) => onChange({ rerank: chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name] });
  const { metric: usual, vocabulary } = store.library;
  const first = IN_FRONT.filter((name) => vocabulary.steps.includes(name));
  const others = vocabulary.steps.filter((name) => !IN_FRONT.includes(name));
  const metrics = vocabulary.metrics.filter((name) => name !== usual);
  const chips = new Map(vocabulary.steps.map((name) => [name, stepChip(name, () => toggle(name))]));
  const group = choice("order-group", "group-by", "group-none", groupings(), (name) => name, (value) => onChange({ group: value }));
  const metric = choice("order-metric", "metric", `metric-${usual}`, metrics, (name) => t(`metric-${name}`), (value) => onChange({ metric: value }));
  /** @param {string[]} names */
  const elements = (names) => h("div", { class: "chips" }, ...names.map((name) => chips.get(name)?.element));
  const more = h("details", { class: "order-more" }, h("summary", {}, t("more")), h("div", { class: "control" }, elements(others), metric.element));
  const hint = h("p", { class: "hint", role: "status" });
  const inUse = h("span", { class: "hint order-in-use" });
  const content = h("div", { class: "control" }, elements(first), hint, groupings().length > 0 && group.element, more);
  const element = h("details", { class: "ordering" }, h("summary", {}, h("span", {}, t("order")), inUse), content);
  /** @param {Route} route @param {Kind} question */
  const set = (route, question) => {
    const applied = orderThatApplies(route, question).rerank;
    chosen = route.rerank;
    for (const [name, chip] of chips) chip.set(chosen.includes(name), applied.length > 1 ? applied.indexOf(name) + 1 : 0, against(name, question));
    const last = applied.at(-1);
    hint.textContent = applied.length > 1 ? t("order-several") : last && chips.has(last) ? t(`step-${last}-hint`) : "";
    inUse.textContent = [...applied.map((name) => t(`step-${name}`)), route.group].filter(Boolean).join(" · ") || t("order-plain");
    group.set(route.group);
    metric.set(route.metric);
    for (const option of metric.select.options) option.disabled = Boolean(option.value && against(option.value, question));
    if (route.metric || chosen.some((name) => others.includes(name))) more.open = true;
  };
  return { element, set };
}

const groupings = () => store.attributes.filter(({ type }) => type === "str").map(({ name }) => name);

/**
 * A step that can be pressed; where there are several, it shows which one it is.
 *
 * @param {string} name
 * @param {() => void} onclick
 */
function stepChip(name, onclick) {
  const place = h("span", { class: "chip-place", "aria-hidden": "true" });
  const element = h("button", { type: "button", class: "chip", onclick, "data-step": name }, place, h("span", { class: "chip-text" }, t(`step-${name}`)));
  /** @param {boolean} pressed @param {number} at @param {string | null} why */
  const set = (pressed, at, why) => {
    element.setAttribute("aria-pressed", String(pressed));
    element.disabled = Boolean(why);
    element.title = t(why ?? `step-${name}-hint`);
    place.textContent = at ? String(at) : "";
    if (at) element.setAttribute("aria-label", t("step-at", { name: t(`step-${name}`), n: at }));
    else element.removeAttribute("aria-label");
  };
  return { element, set };
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} none
 * @param {string[]} names
 * @param {(name: string) => string} nameOf
 * @param {(value: string | null) => void} onChange
 */
function choice(id, label, none, names, nameOf, onChange) {
  const options = [h("option", { value: "" }, t(none)), ...names.map((name) => h("option", { value: name }, nameOf(name)))];
  const select = h("select", { class: "field", id, onchange: () => onChange(select.value || null) }, ...options);
  /** @param {string | null} value */
  const set = (value) => (select.value = value && names.includes(value) ? value : "");
  return { select, set, element: h("div", { class: "form-row" }, h("label", { for: id }, t(label)), select) };
}
