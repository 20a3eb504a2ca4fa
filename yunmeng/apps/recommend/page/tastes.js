// The tastes of a user as clusters of pictures, each of which can be muted.
import { fill, h } from "/console/lib/dom.js";
import { number, percent } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { picture } from "./card.js";

/** @import { Taste } from "./api.js" */

const PICTURES = 4;

export class Tastes {
  /** @param {(taste: Taste, muted: boolean) => void} onMute */
  constructor(onMute) {
    this.onMute = onMute;
    this.list = h("ul", { class: "tastes" });
    this.none = h("p", { class: "hint" }, t("tastes-none"));
    this.element = h("section", { class: "taste-bar", "aria-labelledby": "tastes-title" }, h("h2", { id: "tastes-title" }, t("tastes")), this.none, this.list);
  }

  /** @param {Taste[]} tastes */
  show(tastes) {
    const focused = this.switches?.findIndex((one) => one === document.activeElement) ?? -1;
    this.none.hidden = tastes.length > 0;
    this.switches = tastes.map((taste, at) => this.#switch(taste, at + 1));
    fill(this.list, tastes.map((taste, at) => this.#taste(taste, at)));
    if (focused >= 0) this.switches[Math.min(focused, tastes.length - 1)]?.focus();
  }

  /** @param {Taste} taste @param {number} n */
  #switch(taste, n) {
    const box = h("input", { type: "checkbox", role: "switch", checked: taste.muted, "aria-label": t("taste-mute-named", { n }) });
    box.addEventListener("change", () => this.onMute(taste, box.checked));
    return box;
  }

  /** @param {Taste} taste @param {number} at */
  #taste(taste, at) {
    const shown = taste.pictures.slice(0, PICTURES);
    const told = t("taste-share", { share: percent(taste.share), n: number(taste.pictures.length) });
    return h(
      "li",
      { class: taste.muted ? "taste muted" : "taste" },
      h("div", { class: `taste-pictures of-${shown.length}` }, ...shown.map((id) => picture(id, "taste-picture", 256, id))),
      h("div", { class: "taste-foot" }, h("p", {}, h("strong", {}, t("taste-named", { n: at + 1 })), h("span", { class: "hint" }, told)), h("div", { class: "switch" }, h("label", {}, h("span", { "aria-hidden": "true" }, t("taste-mute")), this.switches?.[at] ?? null))),
    );
  }
}
