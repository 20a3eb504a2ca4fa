// Whether the parts of pictures are searched too, in a library that keeps them.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";

/** { element, set(on) }; `onChange(on)` is told of each turn. */
export function regionsSwitch(onChange) {
  const input = h("input", { type: "checkbox", role: "switch", id: "regions", "aria-describedby": "regions-hint", onchange: () => onChange(input.checked) });
  const element = h(
    "div",
    { class: "switch" },
    h("label", { for: "regions" }, h("span", {}, t("regions")), input),
    h("p", { class: "hint", id: "regions-hint" }, t("regions-hint")),
  );
  return { element, set: (on) => (input.checked = on) };
}
