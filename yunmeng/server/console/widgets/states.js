// What stands in a page where there is nothing to show yet, nothing at all, or a failure.
import { button, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { explain, mayPass } from "./announce.js";

/** @import { Child, Shape } from "/console/lib/dom.js" */

/** @param {Shape} shape @param {string} title @param {string | null} text @param {(Child | Child[])[]} actions */
export function notice(shape, title, text, ...actions) {
  return h(
    "div",
    { class: "notice" },
    icon(shape),
    h("h2", {}, title),
    text && h("p", {}, text),
    actions.some(Boolean) && h("div", { class: "actions" }, ...actions),
  );
}

/**
 * A failure, with a button to try again where that can help; `instead` is offered where it cannot.
 *
 * @param {unknown} error
 * @param {() => void} retry
 * @param {(Child | Child[])[]} instead
 */
export function failure(error, retry, ...instead) {
  const { title, detail } = explain(error);
  const actions = mayPass(error) ? [button("again", t("retry"), retry, { text: true, kind: "solid" })] : instead;
  const element = notice("warning", title, detail, ...actions);
  element.setAttribute("role", "alert");
  return element;
}

export function skeleton(count = 18) {
  const tiles = Array.from({ length: count }, () => h("div", { class: "tile waiting" }));
  return h("div", { class: "skeleton", "aria-hidden": "true" }, ...tiles);
}
