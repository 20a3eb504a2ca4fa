// The score cut-off: at once on what is loaded, then confirmed by the server.
import { h } from "./dom.js";
import { t } from "./i18n.js";

/** `onMove(score or null, done)`; the slider's left end means no cut-off. */
export function cutoff(onMove) {
  const value = h("output", { class: "cutoff-value", for: "cutoff" });
  const slider = h("input", { type: "range", id: "cutoff", min: 0, max: 1, step: 0.01, value: 0 });
  const read = () => (slider.valueAsNumber > 0 ? slider.valueAsNumber : null);
  const paint = () => {
    const score = read();
    const text = score === null ? t("cutoff-none") : score.toFixed(2);
    value.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--to", `${slider.valueAsNumber * 100}%`);
  };
  slider.addEventListener("input", () => (paint(), onMove(read(), false)));
  slider.addEventListener("change", () => onMove(read(), true));
  const set = (score) => {
    if (slider.matches(":active")) return;
    slider.value = score ?? 0;
    paint();
  };
  paint();
  const element = h(
    "div",
    { class: "cutoff" },
    h("div", { class: "filter-head" }, h("label", { for: "cutoff", class: "label" }, t("cutoff")), value),
    slider,
  );
  return { element, set };
}
