// Registered works: the register itself, a picture that is checked, and the works with their proofs.
import * as api from "/console/lib/api.js";
import { addStyles, button, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number, time } from "/console/lib/format.js";
import { addWords, t } from "/console/lib/i18n.js";
import { may } from "/console/lib/store.js";
import { fail, toast } from "/console/widgets/announce.js";
import { confirmed } from "/console/widgets/dialog.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import * as copyright from "./api.js";
import { Check } from "./check.js";
import { Findings } from "./findings.js";
import { registerForm } from "./form.js";
import { Watches } from "./watches.js";
import { COPYRIGHT_WORDS } from "./words.js";

/** @import { Register, Verification, Work } from "./api.js" */
/** @import { Receiver } from "/console/lib/types.js" */

addWords(COPYRIGHT_WORDS);
await addStyles("/console/pages/copyright/page.css");

const PAGE = 50;

export default class CopyrightPage {
  static title = "copyright-link";
  static scope = "search";

  constructor() {
    this.check = new Check();
    this.facts = h("dl", { class: "numbers" });
    this.verdict = h("div", { class: "verify", role: "status" });
    this.stamp = button("check", t("register-stamp"), () => this.#stamp(), { text: true, kind: "outline", hidden: true });
    this.list = h("ul", { class: "registered-works" });
    this.below = h("div", { class: "below" });
    /** @type {Feed<Work>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    const actions = h(
      "div",
      { class: "actions" },
      may("write") && button("again", t("register-verify"), () => this.#verify(), { text: true, kind: "outline" }),
      may("write") && this.stamp,
      h("a", { class: "outline", href: copyright.whole, download: "register.json" }, t("register-export")),
    );
    const register = h("section", { class: "card", "aria-labelledby": "register-title" }, h("h2", { id: "register-title" }, t("register-facts")), this.facts, actions, this.verdict);
    this.findings = may("write") ? new Findings() : null;
    this.watches = may("write") ? new Watches() : null;
    this.form = may("write") ? registerForm(() => this.reload()) : null;
    this.element = h(
      "div",
      { class: "copyright-page" },
      h("header", { class: "library-head" }, h("h1", {}, t("copyright")), h("p", { class: "hint" }, t("copyright-hint"))),
      this.check.element,
      this.findings?.element,
      this.watches?.element,
      h("div", { class: "copyright-cards" }, register, this.form?.element),
      h("section", { class: "card", "aria-labelledby": "works-title" }, h("h2", { id: "works-title" }, t("register-works")), this.list, this.below),
    );
    this.reload();
  }

  destroy() {
    this.check.destroy();
    this.findings?.destroy();
    this.watches?.destroy();
    this.feed.stop();
  }

  update() {}

  /** @returns {Receiver} */
  receive() {
    return { hint: "check-hint", files: ([file]) => this.check.ask({ file }), id: (id) => this.check.ask({ id }) };
  }

  reload() {
    this.feed.start();
    copyright.register().then((found) => this.#drawFacts(found), fail);
  }

  /** @param {Register} found */
  #drawFacts({ works, head, stamped_at: stamped, stamps }) {
    this.stamp.hidden = !stamps;
    const rows = [["register-works", number(works)], ["register-entries", number(head.size)], ["register-root", h("code", { title: head.root }, head.root.slice(0, 16))], ["register-stamped", stamped ? time(stamped) : t("none")]];
    fill(this.facts, ...rows.map(([key, value]) => h("div", {}, h("dt", {}, t(/** @type {string} */ (key))), h("dd", {}, value))));
  }

  async #verify() {
    try {
      fill(this.verdict, ...verdict(await copyright.verify()));
    } catch (error) {
      fail(error);
    }
  }

  async #stamp() {
    try {
      await copyright.stamp();
      toast(t("register-stamped-now"));
      this.reload();
    } catch (error) {
      fail(error);
    }
  }

  /** @param {number | null} cursor @param {AbortSignal} signal */
  async #fetch(cursor, signal) {
    const page = await copyright.works({ offset: cursor ?? 0, limit: PAGE }, signal);
    return { items: page.works, next: page.next_offset };
  }

  #draw() {
    const { items, status, next, error } = this.feed;
    if (status !== "loading") this.list.replaceChildren(...items.map((work) => this.#row(work)));
    if (status === "failed") return fill(this.below, failure(error, () => this.feed.retry()));
    if (status === "loading" || status === "more") return fill(this.below, skeleton(4));
    const more = next !== null && button("down", t("works-more"), () => this.feed.more(), { text: true, kind: "outline" });
    return fill(this.below, items.length === 0 && notice("original", t("works-none"), null), more);
  }

  /** @param {Work} work */
  #row(work) {
    const { number: which, id, owner, title, licence, registered_at: at } = work;
    const told = [owner, licence, work.date, time(at)].filter(Boolean).join(" · ");
    return h(
      "li",
      { class: "registered-work" },
      h("img", { src: api.thumbnail(id, 256), alt: "", loading: "lazy" }),
      h("div", { class: "work-line" }, h("strong", {}, title || id), h("span", { class: "hint" }, `${t("work-number", { n: number(which) })} · ${told}`)),
      h("a", { class: "quiet", href: copyright.proof(which), download: `work-${which}-proof.json` }, t("work-proof")),
      may("write") && button("trash", t("work-withdraw"), () => this.#withdraw(work), { text: true }),
    );
  }

  /** @param {Work} work */
  async #withdraw({ number: which }) {
    const n = number(which);
    if (!(await confirmed(t("work-withdraw-title", { n }), t("work-withdraw-hint"), t("work-withdraw")))) return;
    try {
      await copyright.withdraw(which, "");
      this.reload();
    } catch (error) {
      fail(error);
    }
  }
}

/** @param {Verification} found */
function verdict({ sound, problems, head }) {
  if (sound) return [h("p", { class: "sound" }, t("verify-sound", { n: number(head.size) }))];
  const lines = problems.map(({ kind, number: which, last }) => h("li", {}, t(`touched-${kind}`, { n: last ? `${which}–${last}` : String(which) })));
  return [h("p", { class: "problem" }, t("verify-touched")), h("ul", {}, ...lines)];
}
