// A picture that is checked against the registered works: drop or choose it, and see what it was made from.
import * as api from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { number, percent, time } from "/console/lib/format.js";
import { language, t } from "/console/lib/i18n.js";
import { may } from "/console/lib/store.js";
import { announce, fail } from "/console/widgets/announce.js";
import { openComparison } from "/console/widgets/compare.js";
import { saveBlob } from "/console/widgets/download.js";
import { editWords } from "/console/widgets/explanation.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import * as copyright from "./api.js";

/** @import { WorkMatch } from "./api.js" */

export class Check {
  constructor() {
    /** @type {{ id?: string, file?: File } | null} */
    this.asked = null;
    this.url = "";
    this.calls = new AbortController();
    const input = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => input.files?.[0] && this.ask({ file: input.files[0] }) });
    const choose = button("picture", t("check-choose"), () => input.click(), { text: true, kind: "outline" });
    this.stage = h("div", { class: "check-stage" });
    this.status = h("p", { class: "status", role: "status" });
    this.results = h("ul", { class: "work-matches" });
    this.below = h("div", { class: "below" });
    const field = h("div", { class: "drop-field" }, h("p", {}, t("check-hint")), choose, input);
    const side = h("div", { class: "check-side" }, field, this.stage);
    const found = h("div", { class: "check-found" }, this.status, this.results, this.below);
    this.element = h("section", { class: "card check-card", "aria-labelledby": "check-title" }, h("h2", { id: "check-title" }, t("check-title")), h("div", { class: "check-body" }, side, found));
  }

  destroy() {
    this.calls.abort();
    URL.revokeObjectURL(this.url);
  }

  /** @param {{ id?: string, file?: File }} picture */
  async ask(picture) {
    this.destroy();
    this.calls = new AbortController();
    this.asked = picture;
    this.#show(picture);
    this.status.textContent = t("check-checking");
    fill(this.below, skeleton(2));
    this.results.replaceChildren();
    const { signal } = this.calls;
    try {
      const { matches } = await copyright.check(picture, signal);
      if (!signal.aborted) this.#draw(matches);
    } catch (error) {
      if (signal.aborted) return;
      this.status.textContent = "";
      fill(this.below, failure(error, () => this.ask(picture)));
    }
  }

  /** @param {{ id?: string, file?: File }} picture */
  #show({ id, file }) {
    this.url = file ? URL.createObjectURL(file) : "";
    const name = id ?? file?.name ?? "";
    fill(this.stage, h("img", { src: this.url || api.thumbnail(name, 512), alt: t("query-picture", { name }) }));
  }

  /** @param {WorkMatch[]} matches */
  #draw(matches) {
    const words = matches.length ? t("check-found", { n: number(matches.length) }) : t("check-none");
    this.status.textContent = words;
    announce(words);
    this.results.replaceChildren(...matches.map((match) => this.#row(match)));
    fill(this.below, matches.length === 0 && notice("check", t("check-none"), null));
  }

  /** @param {WorkMatch} match */
  #row({ work, id, chance, verdict, edits }) {
    const facts = [["check-owner", work.owner], ["work-title", work.title], ["work-licence", work.licence], ["work-date", work.date], ["work-registered", time(work.registered_at)]];
    const told = facts.filter(([, value]) => value).flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]);
    return h(
      "li",
      { class: "work-match" },
      h("img", { src: api.thumbnail(id, 512), alt: work.title || id, loading: "lazy" }),
      h(
        "div",
        { class: "work-words" },
        h("h3", {}, t("work-number", { n: number(work.number) })),
        h("p", { class: "match-chance" }, h("strong", {}, t("chance", { n: percent(chance) }))),
        h("p", {}, verdict ? t(`verdict-${verdict}`) : t("check-lost")),
        edits.length > 0 && h("ul", { class: "edits", "aria-label": t("edits") }, ...edits.map((edit) => h("li", {}, editWords(/** @type {any} */ (edit))))),
        h("dl", { class: "work-facts" }, ...told),
        h(
          "div",
          { class: "actions" },
          may("write") && button("download", t("check-report"), ({ currentTarget }) => this.#report(work.number, /** @type {HTMLButtonElement} */ (currentTarget)), { text: true, kind: "outline" }),
          button("compare", t("check-compare"), () => this.asked && openComparison(this.asked, { id }), { text: true, kind: "outline" }),
          h("a", { class: "outline", href: copyright.proof(work.number), download: `work-${work.number}-proof.json` }, t("work-proof")),
        ),
      ),
    );
  }

  /** @param {number} work @param {HTMLButtonElement} pressed */
  async #report(work, pressed) {
    if (!this.asked) return;
    pressed.disabled = true;
    try {
      saveBlob(await copyright.report(this.asked, { work, language: language() }), `work-${work}-evidence.pdf`);
    } catch (error) {
      fail(error);
    } finally {
      pressed.disabled = false;
    }
  }
}
