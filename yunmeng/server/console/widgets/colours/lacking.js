// Pictures whose colours are not known: how many there are, and the job that computes them.
import * as api from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { may } from "/console/lib/store.js";
import { fail } from "/console/widgets/announce.js";

let begun = false; // the job was started from this page

/** A button that starts the job, where the key allows it. @param {() => void} onStart */
export function computeButton(onStart) {
  const start = async () => {
    element.disabled = true;
    try {
      await api.startJob("palettes");
      begun = true;
      onStart();
    } catch (error) {
      element.disabled = false;
      fail(error);
    }
  };
  const element = button("", t("colours-compute"), start, { text: true, kind: "outline small" });
  return may("admin") && element;
}

/** Where the job can be watched. */
export const progressLink = () => h("a", { class: "outline small", href: "#/library" }, t("colours-progress"));

/** { element, set(n) }: says that n pictures are not found by colour. */
export function lackingLine() {
  const element = h("div", { class: "colours-lacking", role: "status" });
  let without = 0;
  const draw = () => {
    element.hidden = !without;
    if (!without) begun = false;
    else if (begun) fill(element, h("p", { class: "hint" }, t("colours-computing")), progressLink());
    else fill(element, h("p", { class: "hint" }, t("colours-lacking", { n: number(without) })), computeButton(draw));
  };
  /** @param {number} now */
  const set = (now) => {
    without = now;
    draw();
  };
  set(0);
  return { element, set };
}
