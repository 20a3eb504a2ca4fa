// The search page: the question and the filters beside, the hits, and what to do when there are none.
import * as api from "./api.js";
import { announce, explain } from "./announce.js";
import { askWithFile, pickButton } from "./box.js";
import { cutoff } from "./cutoff.js";
import { Drawer } from "./drawer.js";
import { button, debounce, h, icon } from "./dom.js";
import { Feed } from "./feed.js";
import { filterPanel } from "./filters.js";
import { number } from "./format.js";
import { Grid } from "./grid.js";
import { t } from "./i18n.js";
import { queryPanel } from "./querypanel.js";
import { ask, go } from "./router.js";
import { failure, notice, skeleton } from "./states.js";
import { keptFile, may, store } from "./store.js";
import { tile } from "./tile.js";

const PAGE = 200;
const PAUSE = 200; // milliseconds without a movement of slider or region, after which the server is asked

/** The question of a route as the API takes it; null to look around in the library, `lost` where an upload is gone. */
export function questionOf({ id, url, text, upload, region }) {
  if (upload) {
    const kept = keptFile(upload);
    return kept ? { file: kept.file, region } : { lost: true };
  }
  if (id) return { id, region };
  if (url) return { url, region };
  return text ? { text } : null;
}

async function fetchPage(wanted, cursor, signal) {
  const question = questionOf(wanted);
  if (question) {
    const options = { k: PAGE, offset: cursor ?? 0, filter: wanted.filter, minScore: wanted.min, fields: ["attributes"] };
    const { hits, next_offset: next, timings } = await api.search(question, options, signal);
    return { items: hits, next, timings };
  }
  const page = await api.pictures({ limit: PAGE, cursor, filter: wanted.filter }, signal);
  return { items: page.pictures, next: page.next_cursor, total: page.total };
}

export class SearchPage {
  constructor() {
    this.wanted = null;
    this.cut = null; // the slider while it moves: hits below are hidden before the server has answered
    this.feed = new Feed((cursor, signal) => fetchPage(this.wanted, cursor, signal), () => this.#draw());
    this.grid = new Grid({ label: t("results"), makeTile: tile, onNearEnd: () => this.feed.more() });
    this.confirm = debounce((changes) => go(changes, { replace: true }), PAUSE);
    this.query = queryPanel((region) => this.confirm({ region }));
    this.cutoff = cutoff((min, done) => this.#onCut(min, done));
    this.filters = this.#makeFilters();
    this.drawer = new Drawer(t("filters"), [this.cutoff.element, this.filters.element]);
    this.status = h("p", { class: "status", id: "result-status" });
    this.below = h("div", { class: "below" });
    this.welcome = welcome();
    const bar = h("div", { class: "bar" }, this.status, this.drawer.opener);
    const results = h("section", { class: "results", "aria-labelledby": "result-status" }, this.welcome, bar, this.grid.element, this.below);
    this.element = h("div", { class: "search-page" }, h("aside", { class: "side" }, this.query.element, this.drawer.place), results);
  }

  #makeFilters() {
    return filterPanel((filter) => go({ filter }, { replace: true }));
  }

  /** The values that filters offer have changed. */
  libraryChanged() {
    const before = this.filters;
    this.filters = this.#makeFilters();
    before.element.replaceWith(this.filters.element);
    this.filters.set(this.wanted?.filter ?? null);
  }

  receive() {
    return { hint: "drop-to-search", files: ([file]) => askWithFile(file), id: (id) => ask({ id }), address: (url) => ask({ url }) };
  }

  ids() {
    return this.feed.items.map((item) => item.id);
  }

  removed(id) {
    this.feed.drop(id);
  }

  destroy() {
    this.feed.stop();
    this.confirm.cancel();
    this.grid.destroy();
    this.drawer.destroy();
  }

  update(wanted) {
    const asked = ({ id, url, text, upload, region, filter, min }) => JSON.stringify([id, url, text, upload, region, filter, min]);
    const before = this.wanted;
    this.wanted = wanted;
    if (before && asked(before) === asked(wanted)) return;
    const question = questionOf(wanted);
    this.query.update(wanted);
    this.cutoff.set(wanted.min);
    this.cutoff.element.hidden = !question;
    this.welcome.hidden = Boolean(question) || store.library.pictures === 0;
    this.cut = null;
    if (before?.filter !== wanted.filter || !before) this.filters.set(wanted.filter);
    this.drawer.mark(this.filters.count() + (wanted.min === null || !question ? 0 : 1));
    if (!before || ["id", "url", "text", "upload"].some((key) => before[key] !== wanted[key])) window.scrollTo(0, 0);
    if (question?.lost) this.#showLost();
    else this.feed.start();
  }

  #onCut(min, done) {
    this.cut = min;
    this.#draw();
    if (done) this.confirm.now({ min });
    else this.confirm({ min });
  }

  /** The hits that the slider leaves; they come best first. */
  #kept() {
    const { items } = this.feed;
    if (this.cut === null) return items;
    const end = items.findIndex((item) => item.score < this.cut);
    return end < 0 ? items : items.slice(0, end);
  }

  #draw() {
    const { feed } = this;
    const kept = this.#kept();
    const whole = kept.length === feed.items.length;
    const more = whole && feed.next !== null && (feed.status === "ready" || feed.status === "more");
    this.grid.element.hidden = kept.length === 0; // before it is filled: what is hidden has no width
    this.grid.show(kept, { more, stale: feed.stale });
    this.below.replaceChildren(...[this.#belowGrid(kept.length)].filter(Boolean));
    this.filters.fail(feed.error?.code === "filter" ? feed.error.message : null);
    this.status.replaceChildren(...this.#statusText(kept.length, whole));
    if (feed.status === "ready") announce(this.status.firstChild.textContent);
  }

  #statusText(count, whole) {
    const { feed } = this;
    if (feed.status === "loading" && !feed.items.length) return [t("searching")];
    if (feed.status === "failed") return [explain(feed.error).title];
    const total = feed.extra.total;
    if (total !== undefined) return [t("pictures-count", { n: number(total) })];
    const parts = [t(whole && feed.next !== null ? "hits-and-more" : "hits-count", { n: number(count) })];
    const { timings } = feed.extra;
    if (timings) parts.push(" · ", timingText(timings));
    return parts;
  }

  #belowGrid(count) {
    const { feed } = this;
    if (feed.status === "failed") return feed.error.code === "filter" ? this.#nothing("filter-wrong") : failure(feed.error, () => feed.retry());
    if (feed.status === "loading" && !feed.items.length) return skeleton();
    if (count || feed.status === "loading" || feed.status === "new") return null;
    return store.library.pictures === 0 ? emptyLibrary() : this.#nothing("no-hits");
  }

  #nothing(key) {
    const { min, filter } = this.wanted;
    const cut = this.cut ?? min;
    const loosen = cut !== null && button("filters", t("drop-cutoff"), () => go({ min: null }), { text: true, kind: "solid" });
    const drop = filter && button("close", t("drop-filter"), () => go({ filter: null }), { text: true, kind: "solid" });
    return notice("search", t(`${key}-title`), t(key), ...[loosen, drop].filter(Boolean));
  }

  #showLost() {
    this.feed.stop();
    this.grid.show([]);
    this.status.replaceChildren();
    this.below.replaceChildren(notice("picture", t("upload-lost-title"), t("upload-lost"), ...pickButton("picture", "choose-picture", {}, { text: true, kind: "solid" })));
  }
}

function timingText(timings) {
  const stages = Object.entries(timings).filter(([stage]) => stage !== "total");
  const spelt = stages.map(([stage, spent]) => t("stage", { stage: t(`stage-${stage}`), n: number(spent, 1) })).join(" · ");
  const total = number(timings.total, timings.total < 10 ? 1 : 0);
  const spoken = { title: spelt, tabindex: 0, role: "note", "aria-label": spelt };
  return h("span", { class: "timing", ...spoken }, t("took", { n: total }));
}

function welcome() {
  return h(
    "div",
    { class: "welcome" },
    h("h1", {}, t("welcome-title")),
    h("p", {}, t(store.library.reads_text ? "welcome-with-words" : "welcome")),
    h(
      "div",
      { class: "actions" },
      ...pickButton("picture", "choose-picture", {}, { text: true, kind: "solid" }),
      ...pickButton("camera", "take-photo", { capture: "environment" }, { text: true, kind: "outline" }),
    ),
  );
}

function emptyLibrary() {
  const fill = may("write") && h("a", { class: "solid", href: "#/library" }, icon("upload"), h("span", {}, t("go-add")));
  return notice("picture", t("empty-title"), t(may("write") ? "empty" : "empty-reader"), ...[fill].filter(Boolean));
}

