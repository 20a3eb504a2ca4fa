// Copies that a watch or a check of the library has found, and false alarms.
import * as api from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number, percent, time } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { may } from "/console/lib/store.js";
import { fail, toast } from "/console/widgets/announce.js";
import { editWords } from "/console/widgets/explanation.js";
import { failure, skeleton } from "/console/widgets/states.js";
import * as copyright from "./api.js";
import { WholeCheck } from "./whole.js";

/** @import { Finding } from "./api.js" */

const PAGE = 20;

export class Findings {
  constructor() {
    this.list = h("ul", { class: "registered-works" });
    this.below = h("div", { class: "below" });
    /** @type {Feed<Finding>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.whole = may("admin") ? new WholeCheck(() => this.feed.start()) : null;
    this.element = h("section", { class: "card", "aria-labelledby": "findings-title", hidden: !this.whole }, h("h2", { id: "findings-title" }, t("findings")), h("p", { class: "hint" }, t("findings-hint")), this.whole?.element, this.list, this.below);
    this.feed.start();
  }

  destroy() {
    this.feed.stop();
    this.whole?.destroy();
  }

  /** @param {number | null} cursor @param {AbortSignal} signal */
  async #fetch(cursor, signal) {
    const page = await copyright.findings({ offset: cursor ?? 0, limit: PAGE }, signal);
    return { items: page.findings, next: page.next_offset };
  }

  #draw() {
    const { items, status, next, error } = this.feed;
    this.element.hidden = !this.whole && items.length === 0 && status !== "failed";
    if (status !== "loading") this.list.replaceChildren(...items.map((finding) => this.#row(finding)));
    if (status === "failed") return fill(this.below, failure(error, () => this.feed.retry()));
    if (status === "loading" || status === "more") return fill(this.below, skeleton(2));
    return fill(this.below, next !== null && button("down", t("works-more"), () => this.feed.more(), { text: true, kind: "outline" }));
  }

  /** @param {Finding} finding */
  #row(finding) {
    const { source, work, owner, title, id, chance, edits, found_at: at } = finding;
    const told = [t("chance", { n: percent(chance) }), ...edits.map((edit) => editWords(/** @type {any} */ (edit))), time(at)].join(" · ");
    return h(
      "li",
      { class: "registered-work" },
      h("img", { src: api.thumbnail(id, 256), alt: "", loading: "lazy" }),
      h("div", { class: "work-line" }, h("strong", {}, t("finding-of", { n: number(work), title: title || id, owner })), h("span", {}, source), h("span", { class: "hint" }, told)),
      button("close", t("finding-dismiss"), () => this.#dismiss(finding), { text: true }),
    );
  }

  /** @param {Finding} finding */
  async #dismiss({ number: which }) {
    try {
      await copyright.dismiss(which);
      toast(t("finding-dismissed"));
      this.feed.start();
    } catch (error) {
      fail(error);
    }
  }
}
