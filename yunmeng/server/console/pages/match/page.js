// The originals of a suspect picture: what it may be made from, how likely that is, and where it lies in each of them.
import * as api from "/console/lib/api.js";
import { $, button, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number, percent, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { href, matchWith, route, show } from "/console/lib/router.js";
import { keepFile, store } from "/console/lib/store.js";
import { announce } from "/console/widgets/announce.js";
import { openComparison } from "/console/widgets/compare.js";
import { queryOf } from "/console/widgets/detail.js";
import { alignmentWords } from "/console/widgets/explanation.js";
import { outline } from "/console/widgets/outline.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";

/** @import { Match } from "/console/lib/api.js" */
/** @import { Picture, Receiver, Route, Shown } from "/console/lib/types.js" */

const LIKELY = 0.5;
const MOST = 20;

export class MatchPage {
  constructor() {
    /** @type {Picture | null} */
    this.asked = null;
    this.url = ""; // of the picture, where it is a file
    this.key = "";
    /** @type {Feed<Match>} */
    this.feed = new Feed((_, signal) => this.#fetch(signal), () => this.#draw());
    this.query = h("div", { class: "match-query" });
    this.status = h("p", { class: "status", role: "status" });
    this.likely = h("ul", { class: "matches" });
    this.unlikely = h("ul", { class: "matches" });
    this.rest = h("details", { class: "advanced match-rest", hidden: true }, h("summary", {}), h("p", { class: "hint" }, t("match-unlikely-hint")), this.unlikely);
    this.below = h("div", { class: "below" });
    const results = h("section", { class: "results", "aria-labelledby": "match-title" }, h("h1", { id: "match-title" }, t("match-title")), this.status, this.likely, this.below, this.rest);
    this.element = h("div", { class: "match-page" }, h("aside", { class: "side" }, this.query), results);
  }

  /** @returns {Receiver} */
  receive() {
    return { hint: "drop-to-match", files: async ([file]) => matchWith({ upload: await keepFile(file) }), id: (id) => matchWith({ id }), address: (url) => matchWith({ url }) };
  }

  ids() {
    return this.feed.items.map((item) => item.id);
  }

  /**
   * What a detail says of one of them; here it has a chance, and no score.
   *
   * @param {string} id
   * @returns {Shown | undefined}
   */
  hit(id) {
    const match = this.feed.items.find((item) => item.id === id);
    return match && { ...match, score: undefined, chance: match.score };
  }

  /** @param {string} id */
  removed(id) {
    this.feed.drop(id);
  }

  destroy() {
    this.feed.stop();
    URL.revokeObjectURL(this.url);
  }

  /** @param {Route} route */
  update({ id, url, upload }) {
    const key = JSON.stringify([id, url, upload]);
    if (key === this.key) return;
    this.key = key;
    this.asked = queryOf(route());
    this.#drawQuery();
    if (this.asked) this.feed.start();
    else this.#showLost();
  }

  #showLost() {
    this.feed.stop();
    this.status.textContent = "";
    this.below.replaceChildren(notice("picture", t("upload-lost-title"), t("upload-lost")));
  }

  /** @param {AbortSignal} signal */
  async #fetch(signal) {
    const asked = this.asked ?? {};
    const { matches } = await api.match(asked, { k: MOST + 1 }, signal);
    const others = matches.filter((match) => match.id !== asked.id); // a picture is its own original
    return { items: others.slice(0, MOST), next: null };
  }

  #drawQuery() {
    const { id, url, file } = this.asked ?? {};
    URL.revokeObjectURL(this.url);
    this.url = file ? URL.createObjectURL(file) : "";
    const name = id ?? url ?? file?.name;
    if (!name) return this.query.replaceChildren();
    const source = this.url || (id ? api.thumbnail(id, 1024) : api.preview(name));
    const image = h("img", { src: source, class: "query-picture", alt: t("query-picture", { name }) });
    const { upload } = route();
    const back = h("a", { class: "outline", href: href({ page: "search", id, url, upload }) }, t("match-back"));
    return this.query.replaceChildren(
      h("div", { class: "query-stage" }, image),
      h("p", { class: "query-foot" }, h("span", { class: "name", title: name }, shortName(name))),
      h("div", { class: "actions" }, back),
    );
  }

  #draw() {
    const { items, status, error } = this.feed;
    const likely = items.filter(({ score }) => score >= LIKELY);
    const others = items.filter(({ score }) => score < LIKELY);
    const done = status === "ready";
    const words = done ? (likely.length ? t("match-found", { n: number(likely.length) }) : t("match-none")) : status === "loading" ? t("match-looking") : "";
    this.status.textContent = words;
    if (done) announce(words);
    this.likely.replaceChildren(...likely.map((match) => this.#row(match)));
    this.unlikely.replaceChildren(...others.map((match) => this.#row(match)));
    this.rest.hidden = others.length === 0;
    $("summary", this.rest).textContent = t("match-unlikely", { n: number(others.length) });
    fill(this.below, this.#below(status, error, likely));
  }

  /** @param {string} status @param {unknown} error @param {Match[]} likely */
  #below(status, error, likely) {
    if (status === "failed") return failure(error, () => this.feed.retry());
    if (status === "loading") return skeleton(4);
    if (status !== "ready" || likely.length) return null;
    return notice("original", t("match-none-title"), t(store.library.pictures ? "match-none-hint" : "empty-reader"));
  }

  /** @param {Match} match */
  #row(match) {
    const { id, score, alignment, recoloured } = match;
    const image = h("img", { src: api.thumbnail(id, 512), alt: "", loading: "lazy" });
    /** @param {MouseEvent} event */
    const open = (event) => (event.preventDefault(), show(id));
    const words = alignment ? alignmentWords(alignment) : [t("match-unaligned")];
    if (recoloured) words.unshift(t("match-recoloured"));
    return h(
      "li",
      { class: "match" },
      h("a", { class: "match-picture", href: href({ ...route(), show: id }), onclick: open, "aria-label": `${id}${t("and")}${t("chance", { n: percent(score) })}` }, image, alignment && outline(image, alignment.outline)),
      h(
        "div",
        { class: "match-words" },
        h("p", { class: "match-name", title: id }, id),
        h("p", { class: "match-chance" }, h("strong", {}, t("match-chance", { n: percent(score) }))),
        h("ul", { class: "hint" }, ...words.map((word) => h("li", {}, word))),
        button("compare", t("match-evidence"), () => openComparison(this.asked ?? {}, { id }), { text: true, kind: "outline" }),
      ),
    );
  }
}
