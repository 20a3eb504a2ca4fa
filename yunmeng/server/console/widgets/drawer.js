// A part of the page that lies beside the results on a wide screen, and comes up from below on a phone.
import { button, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { openLayer } from "/console/lib/layers.js";
import { title } from "./dialog.js";

const NARROW = "(max-width: 860px)";

export class Drawer {
  /** @param {string} name @param {HTMLElement[]} content */
  constructor(name, content) {
    this.content = h("div", { class: "drawer-content" }, ...content);
    this.place = h("div", { class: "drawer-place" });
    this.badge = h("span", { class: "badge", hidden: true });
    this.opener = button("filters", name, () => this.#open(), { text: true, kind: "outline", class: "outline drawer-opener" });
    this.opener.append(this.badge);
    const done = button("", t("done"), () => this.dialog.close(), { text: true, kind: "solid" });
    this.inside = h("div", { class: "sheet-body" });
    this.dialog = h(
      "dialog",
      { class: "sheet", "aria-label": name },
      h("div", { class: "sheet-head" }, title({}, name), done),
      this.inside,
    );
    this.leave = () => {};
    this.dialog.addEventListener("close", () => this.leave());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.narrow = window.matchMedia(NARROW);
    this.arrange = () => {
      if (!this.narrow.matches) this.dialog.close();
      (this.narrow.matches ? this.inside : this.place).append(this.content);
    };
    this.narrow.addEventListener("change", this.arrange);
    document.body.append(this.dialog);
    this.arrange();
  }

  #open() {
    this.dialog.showModal();
    this.leave = openLayer(() => this.dialog.close());
  }

  /**
   * Says on the button how many filters are in use.
   *
   * @param {number} count
   */
  mark(count) {
    this.badge.hidden = count === 0;
    this.badge.textContent = String(count);
  }

  destroy() {
    this.narrow.removeEventListener("change", this.arrange);
    this.dialog.remove();
  }
}
