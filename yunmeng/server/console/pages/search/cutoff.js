// The cut-off, by score or by chance: at once on what is loaded, then confirmed by the server.
import { h } from "/console/lib/dom.js";
import { percent } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { showNumbers, showsNumbers } from "/console/lib/preferences.js";

/** @typedef {"min" | "chance"} By */
/** @typedef {{ min: number | null, chance: number | null }} Cut */
/** @type {{ by: By, key: string }[]} */
const SCALES = [{ by: "min", key: "by-score" }, { by: "chance", key: "by-chance" }];

/** @type {Record<By, (value: number) => string>} */
const TEXTS = { min: (value) => value.toFixed(2), chance: (value) => t("percent", { n: percent(value) }) };

/**
 * `onMove({ min, chance }, done)`, of which one at most is not null; the slider's left end means no cut-off.
 *
 * @param {(cut: Cut, done: boolean) => void} onMove
 */
export function cutoff(onMove) {
  /** @type {By} */
  let by = "min";
  let offered = false;
  const value = h("output", { class: "cutoff-value", for: "cutoff" });
  const slider = h("input", { type: "range", id: "cutoff", min: 0, max: 1, step: 0.01, value: 0 });
  const label = h("label", { for: "cutoff", class: "label" });
  const hint = h("p", { class: "hint", id: "cutoff-hint" }, t("chance-explained"));
  const scales = scaleChoice((chosen) => {
    by = chosen;
    slider.value = "0";
    paint();
    onMove(read(), true);
  });
  /** @type {() => Cut} */
  const read = () => ({ min: null, chance: null, [by]: slider.valueAsNumber > 0 ? slider.valueAsNumber : null });
  const paint = () => {
    const text = read()[by] === null ? t("cutoff-none") : TEXTS[by](slider.valueAsNumber);
    value.textContent = text;
    label.textContent = t(by === "chance" ? "cutoff-chance" : "cutoff");
    hint.hidden = by !== "chance";
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--to", `${slider.valueAsNumber * 100}%`);
    scales.set(by);
  };
  slider.addEventListener("input", () => (paint(), onMove(read(), false)));
  slider.addEventListener("change", () => onMove(read(), true));
  /** @param {Cut} cut */
  const set = ({ min, chance }) => {
    if (slider.matches(":active")) return;
    if (chance !== null) by = "chance";
    else if (min !== null || !offered) by = "min";
    slider.value = String((by === "chance" ? chance : min) ?? 0);
    paint();
  };
  /**
   * Offers the chance where hits have one.
   *
   * @param {boolean} hasChances
   */
  const offer = (hasChances) => {
    offered = hasChances;
    const inUse = by === "chance" && slider.valueAsNumber > 0; // perhaps so high that no hit is left
    if (!offered && !inUse) by = "min";
    scales.element.hidden = !offered && !inUse;
    paint();
  };
  offer(false);
  const head = h("div", { class: "filter-head" }, label, value);
  return { element: h("div", { class: "cutoff" }, scales.element, head, slider, hint, numbersSwitch()), set, offer };
}

/** Whether hits tell their score in words or as a number: remembered in this browser. */
function numbersSwitch() {
  const input = h("input", { type: "checkbox", role: "switch", id: "score-numbers", checked: showsNumbers(), onchange: () => showNumbers(input.checked) });
  return h("div", { class: "switch" }, h("label", { for: "score-numbers" }, h("span", {}, t("score-numbers")), input));
}

/** @param {(by: By) => void} onChange */
function scaleChoice(onChange) {
  const options = SCALES.map(({ by, key }) => {
    const input = h("input", { type: "radio", name: "cutoff-by", value: by, onchange: () => onChange(by) });
    return { by, input, element: h("label", { class: "segment" }, input, h("span", {}, t(key))) };
  });
  return {
    element: h("div", { class: "segments", role: "radiogroup", "aria-label": t("cutoff-by") }, ...options.map((option) => option.element)),
    set: (/** @type {By} */ by) => options.forEach((option) => (option.input.checked = option.by === by)),
  };
}
