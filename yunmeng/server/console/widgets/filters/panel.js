// The filters of the search page: a control for each declared attribute, and the expression that they make.
import { debounce, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { clearButton, controlFor } from "./controls.js";
import { compose, parse } from "./expression.js";

/** @import { Choice } from "./expression.js" */
/** @import { Attribute } from "/console/lib/types.js" */

const PAUSE = 250;

/**
 * `onChange(expression or null)` is told what to filter by.
 *
 * @param {(expression: string | null) => void} onChange
 */
export function filterPanel(onChange) {
  const types = Object.fromEntries(store.attributes.map(({ name, type }) => [name, type]));
  /** @type {ReturnType<typeof parse>} */
  let state = { choices: new Map(), rest: "" };
  const later = debounce((/** @type {string} */ expression) => onChange(expression || null), PAUSE);
  const advanced = expressionField((expression) => {
    state = parse(expression, types);
    showChoices();
    later.now(expression.trim());
  });
  const groups = store.attributes.map((attribute) =>
    group(attribute, (choice) => {
      if (choice) state.choices.set(attribute.name, choice);
      else state.choices.delete(attribute.name);
      const expression = compose(state.choices, state.rest, types);
      advanced.set(expression);
      showCount();
      later(expression);
    }),
  );
  const showCount = () => groups.forEach(({ name, mark }) => mark(state.choices.has(name)));
  const showChoices = () => {
    groups.forEach(({ name, set }) => set(state.choices.get(name)));
    showCount();
  };
  /** @param {string | null} expression */
  const set = (expression) => {
    later.cancel();
    advanced.set(expression ?? "");
    state = parse(expression, types);
    showChoices();
  };
  const element = h(
    "section",
    { class: "filters", "aria-label": t("filters") },
    ...groups.map(({ element }) => element),
    advanced.element,
  );
  const stop = () => {
    later.cancel();
    advanced.stop();
  };
  return { element, set, stop, fail: advanced.fail, count: () => state.choices.size + (state.rest ? 1 : 0) };
}

/** @param {Attribute} attribute @param {(choice: Choice | null) => void} onChange */
function group(attribute, onChange) {
  const clear = clearButton(attribute.name, () => {
    control.set(null);
    onChange(null);
  });
  /** @param {boolean} used */
  const mark = (used) => (clear.hidden = !used);
  const control = controlFor(attribute, onChange);
  const element = h(
    "div",
    { class: "filter", "data-filter": attribute.name },
    h("div", { class: "filter-head" }, h("h3", {}, attribute.name), clear),
    control.element,
  );
  return { name: attribute.name, element, set: (/** @type {Choice | undefined} */ choice) => control.set(choice), mark };
}

/**
 * The expression itself, for those who would rather write it.
 *
 * @param {(expression: string) => void} onChange
 */
function expressionField(onChange) {
  const problem = h("p", { class: "problem", id: "filter-problem", role: "alert" });
  const input = h("textarea", {
    class: "field code", rows: 2, id: "expression", spellcheck: "false", autocapitalize: "off", "aria-describedby": "filter-problem",
    placeholder: "category = 'shoes' and price < 50",
  });
  const tell = debounce(() => onChange(input.value), 600);
  input.addEventListener("input", () => tell());
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    tell.now();
  });
  /** @param {string | null} message */
  const fail = (message) => {
    problem.textContent = message ?? "";
    input.setAttribute("aria-invalid", String(Boolean(message)));
    if (message) details.open = true;
  };
  const details = h(
    "details",
    { class: "advanced" },
    h("summary", {}, t("advanced")),
    h("label", { for: "expression", class: "hint" }, t("advanced-hint")),
    input,
    problem,
  );
  /** @param {string} expression */
  const set = (expression) => {
    tell.cancel();
    fail(null);
    if (document.activeElement !== input) input.value = expression;
  };
  return { element: details, set, stop: tell.cancel, fail };
}
