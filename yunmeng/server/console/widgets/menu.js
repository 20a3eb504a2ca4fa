// A button that opens a panel below itself. Esc, a press beside it and Back close it.
import { button, h } from "/console/lib/dom.js";
import { openLayer } from "/console/lib/layers.js";

/** @import { Shape } from "/console/lib/dom.js" */

/**
 * { element, close() }; `content` is asked for each time it opens.
 *
 * @param {Shape} shape
 * @param {string} label
 * @param {() => (Node | false)[]} content
 */
export function menu(shape, label, content) {
  const panel = h("div", { class: "menu-panel", role: "group", "aria-label": label, hidden: true });
  const opener = button(shape, label, () => (panel.hidden ? open() : close()), { "aria-expanded": "false", "aria-haspopup": "true" });
  const element = h("div", { class: "menu" }, opener, panel);
  let leave = () => {};
  const open = () => {
    panel.replaceChildren(...content().filter((one) => one !== false));
    panel.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", beside, { capture: true });
    leave = openLayer(close);
    /** @type {HTMLElement | null} */ (panel.querySelector("input, select, button"))?.focus();
  };
  const close = () => {
    if (panel.hidden) return;
    const inside = panel.contains(document.activeElement);
    panel.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", beside, { capture: true });
    leave();
    if (inside) opener.focus();
  };
  /** @param {Event} event */
  const beside = (event) => !element.contains(/** @type {Node} */ (event.target)) && close();
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || panel.hidden) return;
    event.stopPropagation();
    close();
  });
  return { element, close };
}
