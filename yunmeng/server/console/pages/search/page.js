// The search page: the question and the filters beside, the hits, and what to do when there are none.
import { askedInColour, asksByColourAlone, isCountedCut, lacksColours, readColours } from "/console/lib/colours.js";
import { button, debounce, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { askedWith, keyOf, partsOf, withoutPart } from "/console/lib/parts.js";
import { ask, go, route } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";
import { announce, explain, inLine, toast } from "/console/widgets/announce.js";
import { chosenPictures } from "/console/widgets/actionbar.js";
import { askWithFile, pickButton } from "/console/widgets/box.js";
import { computeButton } from "/console/widgets/colours/lacking.js";
import { hitsChanged } from "/console/widgets/detail.js";
import { Drawer } from "/console/widgets/drawer.js";
import { filterPanel } from "/console/widgets/filters/panel.js";
import { Grid } from "/console/widgets/grid.js";
import { saveButton } from "/console/widgets/saved.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import { hasChance, hasSecondLine, tile } from "/console/widgets/tile.js";
import { viewControls } from "/console/widgets/view.js";
import { colourPanel } from "./colours.js";
import { cutoff } from "./cutoff.js";
import { emptyLibrary, unknownId, welcome } from "./notices.js";
import { optionsPanel } from "./options.js";
import { orderPanel } from "./order.js";
import { queryPanel } from "./query.js";
import { askedText, chanceOf, fetchExplanation, fetchPage, kindOf, optionsOf, orderOf, questionOf } from "./question.js";

/** @import { Child } from "/console/lib/dom.js" */
/** @import { Cut } from "./cutoff.js" */
/** @import { Hit, PictureFacts, Receiver, Route, Shown } from "/console/lib/types.js" */

const PAUSE = 200; // milliseconds without a movement of slider or region, after which the server is asked

/** @param {Route} route */
const keysOf = (route) => partsOf(route).map(keyOf);

export class SearchPage {
  constructor() {
    this.wanted = route();
    this.fresh = true; // nothing is shown yet
    /** @type {Cut | null} The slider from its first movement until the server has answered: hits below are hidden before. */
    this.cut = null;
    /** @type {Feed<Hit | PictureFacts>} */
    this.feed = new Feed((cursor, signal) => fetchPage(this.wanted, cursor, signal), () => this.#onFeed());
    this.chosen = chosenPictures(() => this);
    /** @type {Grid<Shown>} */
    this.grid = new Grid({ label: t("results"), makeTile: tile, onNearEnd: () => this.feed.more(), selection: this.chosen.selection });
    this.confirm = debounce((/** @type {Partial<Route>} */ changes) => go(changes, { replace: true }), PAUSE);
    this.query = queryPanel((region) => this.confirm({ region }));
    this.colours = colourPanel(() => this.#coloursCounted());
    this.cutoff = cutoff((cut, done) => this.#onCut(cut, done));
    this.options = optionsPanel((options) => go({ options }, { replace: true }));
    this.order = orderPanel((changes) => go(changes, { replace: true }));
    this.filters = this.#makeFilters();
    this.drawer = new Drawer(t("filters"), [this.colours.element, this.order.element, this.options.element, this.cutoff.element, this.filters.element]);
    this.status = h("h1", { class: "status", id: "result-status" });
    this.below = h("div", { class: "below" });
    this.welcome = welcome();
    const bar = h("div", { class: "bar" }, this.status, saveButton(), viewControls(), this.drawer.opener);
    const results = h("section", { class: "results", "aria-labelledby": "result-status" }, this.welcome, bar, this.grid.element, this.below);
    this.element = h("div", { class: "search-page" }, h("aside", { class: "side" }, this.query.element, this.drawer.place), results, this.chosen.element);
  }

  /** What is needed to show the same again where Back leads here. */
  place() {
    const feed = this.feed.snapshot();
    const kept = this.grid.items[this.grid.active]?.id;
    return feed && { asked: askedText(this.wanted), feed, y: window.scrollY, active: kept };
  }

  /** @param {NonNullable<ReturnType<SearchPage["place"]>>} place */
  #restore({ feed, y, active }) {
    this.feed.restore(feed);
    if (active !== undefined) this.grid.focusOn(active);
    window.scrollTo(0, y);
  }

  skipTo() {
    this.grid.focus();
    return this.grid.items.length > 0;
  }

  /** @param {string} id */
  focusOn(id) {
    this.grid.focusOn(id);
  }

  #coloursCounted() {
    this.query.update(this.wanted);
    if (this.feed.status === "failed") this.#draw(); // perhaps because colours are lacking
  }

  #makeFilters() {
    return filterPanel((filter) => go({ filter }, { replace: true }));
  }

  /** The values that filters offer have changed. */
  libraryChanged() {
    const before = this.filters;
    this.filters = this.#makeFilters();
    before.element.replaceWith(this.filters.element);
    this.filters.set(this.wanted.filter);
    this.colours.count();
  }

  /** @returns {Receiver} */
  receive() {
    return { hint: "drop-to-search", files: ([file]) => askWithFile(file), id: (id) => ask({ id }), address: (url) => ask({ url }) };
  }

  ids() {
    return this.feed.items.map((item) => item.id);
  }

  /**
   * The hit with this id, where it is one.
   *
   * @param {string} id
   * @returns {Shown | undefined}
   */
  hit(id) {
    return this.feed.items.find((item) => item.id === id && "score" in item);
  }

  /**
   * The steps behind a hit's score.
   *
   * @param {string} id
   * @param {AbortSignal} signal
   */
  explain(id, signal) {
    return fetchExplanation(this.wanted, this.ids().indexOf(id), id, signal);
  }

  /** @param {string} id */
  removed(id) {
    this.feed.drop(id);
  }

  destroy() {
    this.feed.stop();
    this.confirm.cancel();
    this.filters.stop();
    this.query.stop();
    this.colours.stop();
    this.grid.destroy();
    this.drawer.destroy();
  }

  /** @param {Route} wanted @param {ReturnType<SearchPage["place"]>} [place] */
  update(wanted, place) {
    const before = this.fresh ? null : this.wanted;
    this.fresh = false;
    if (before && isCountedCut(before) && wanted.min === before.min && !asksByColourAlone(wanted)) return go({ min: null }, { replace: true });
    this.wanted = wanted;
    if (before && askedText(before) === askedText(wanted)) return;
    if (before && keysOf(before)[0] !== keysOf(wanted)[0]) this.confirm.cancel(); // a region of another picture
    const question = questionOf(wanted);
    if (question?.lost && wanted.mix.some((part) => part.weight > 0)) return leaveOutLost(wanted);
    this.query.update(wanted);
    this.colours.set(wanted.color);
    if (!before) this.colours.count();
    this.cutoff.set({ min: wanted.min, chance: chanceOf(wanted) });
    this.cutoff.element.hidden = !question;
    this.order.set(wanted, kindOf(wanted));
    this.order.element.hidden = !question;
    this.options.set(wanted.options);
    this.options.element.hidden = !question;
    this.welcome.hidden = Boolean(question) || store.library.pictures === 0;
    if (!this.#cutIsAsked()) this.cut = null;
    if (before?.filter !== wanted.filter || !before) this.filters.set(wanted.filter);
    this.drawer.mark(this.filters.count() + (question ? this.#cuts(wanted) : 0));
    this.chosen.selection.clear();
    if (!before || keysOf(before).join("\n") !== keysOf(wanted).join("\n")) window.scrollTo(0, 0);
    if (question?.lost) this.#showLost();
    else if (place?.asked === askedText(wanted)) this.#restore(place);
    else this.feed.start();
  }

  /**
   * How many things beside the filters narrow the hits, or change what is looked at.
   *
   * @param {Route} wanted
   */
  #cuts(wanted) {
    const cut = wanted.min === null && chanceOf(wanted) === null ? 0 : 1;
    const { rerank, metric, group } = orderOf(wanted);
    return cut + Object.keys(optionsOf(wanted)).length + rerank.length + [metric, group, wanted.color].filter(Boolean).length;
  }

  /** @param {Cut} cut @param {boolean} done */
  #onCut(cut, done) {
    this.cut = cut;
    this.#draw();
    if (done) this.confirm.now(cut);
    else this.confirm(cut);
  }

  /** Whether the server is asked, or was, for what the slider leaves. */
  #cutIsAsked() {
    return this.cut?.min === this.wanted.min && this.cut.chance === chanceOf(this.wanted);
  }

  #onFeed() {
    if (this.feed.status === "ready" && this.#cutIsAsked()) this.cut = null;
    this.#draw();
  }

  /** The hits that the slider leaves. */
  #kept() {
    const { min, chance } = this.cut ?? { min: null, chance: null };
    const passes = (/** @type {Shown} */ item) => (min === null || (item.score ?? -Infinity) >= min) && (chance === null || (item.chance ?? 0) >= chance);
    return this.cut === null ? this.feed.items : this.feed.items.filter(passes);
  }

  #draw() {
    const { feed } = this;
    const kept = this.#kept();
    const whole = kept.length === feed.items.length;
    const more = whole && feed.next !== null && (feed.status === "ready" || feed.status === "more");
    this.grid.element.hidden = kept.length === 0; // before it is filled: what is hidden has no width
    const chances = feed.items.some(hasChance);
    this.grid.show(kept, { more, stale: feed.stale, tall: feed.items.some(hasSecondLine) });
    this.query.shrink(kept.length > 0);
    this.cutoff.offer(chances);
    hitsChanged();
    fill(this.below, this.#belowGrid(kept.length));
    this.filters.fail(feed.error?.code === "filter" && groupFits(this.wanted) ? inLine(feed.error) : null);
    fill(this.status, this.#statusText(kept.length, whole));
    if (feed.status === "ready") announce(this.status.firstChild?.textContent ?? "");
  }

  /** @param {number} count @param {boolean} whole @returns {Child[]} */
  #statusText(count, whole) {
    const { feed } = this;
    if (feed.status === "loading" && !feed.items.length) return [t("searching")];
    if (feed.status === "failed") return [explain(feed.error).title];
    const total = feed.extra.total;
    if (total !== undefined) return [t("pictures-count", { n: number(total) })];
    /** @type {Child[]} */
    const parts = [t(whole && feed.next !== null ? "hits-and-more" : "hits-count", { n: number(count) })];
    const { timings, cached } = feed.extra;
    if (timings) parts.push(" · ", timingText(timings, cached));
    return parts;
  }

  /** @param {number} count */
  #belowGrid(count) {
    const { feed } = this;
    if (feed.status === "failed") return this.#failure();
    if (feed.status === "loading" && !feed.items.length) return skeleton();
    if (count || feed.status === "loading" || feed.status === "new") return null;
    return store.library.pictures === 0 ? emptyLibrary() : this.#nothing(this.#onlyWords() && !this.#isCut() ? "no-words" : "no-hits");
  }

  #failure() {
    const { error } = this.feed;
    const { group } = this.wanted;
    const pick = pickButton("picture", "choose-picture", {}, { text: true, kind: "outline" });
    const id = error?.code === "not-found" && partsOf(this.wanted).map((part) => part.id).find((one) => one && error.message.includes(one));
    if (id) return unknownId(id, pick);
    if (group && !groupFits(this.wanted) && error?.code === "filter") {
      const drop = button("close", t("group-drop"), () => go({ group: null }), { text: true, kind: "solid" });
      return notice("warning", t("group-wrong-title", { name: group }), t("group-wrong", { name: group }), drop);
    }
    const colour = error?.code === "query" && this.#colourFailure(error.message);
    if (colour) return colour;
    return error?.code === "filter" ? this.#nothing("filter-wrong") : failure(error, () => this.feed.retry(), pick);
  }

  /** @param {string} message */
  #colourFailure(message) {
    const { color } = this.wanted;
    const drop = button("close", t("colours-drop"), () => go(askedInColour(this.wanted, null)), { text: true, kind: "outline" });
    if (color && lacksColours()) return notice("picture", t("colours-lacking-title"), null, computeButton(() => this.#draw()), drop);
    const unknown = readColours(color).find(({ colour }) => message.includes(`'${colour}'`));
    return unknown ? notice("warning", t("colours-wrong-title", { colour: unknown.colour }), t("colours-wrong"), drop) : null;
  }

  #onlyWords() {
    const parts = partsOf(this.wanted);
    return parts.length > 0 && parts.every((part) => part.text);
  }

  #isCut() {
    const { min, chance } = this.cut ?? { min: this.wanted.min, chance: chanceOf(this.wanted) };
    return min !== null || chance !== null;
  }

  /** @param {string} key */
  #nothing(key) {
    const { filter } = this.wanted;
    const uncut = () => go({ min: null, chance: null });
    const loosen = this.#isCut() && button("filters", t("drop-cutoff"), uncut, { text: true, kind: "solid" });
    const drop = filter !== null && button("close", t("drop-filter"), () => go({ filter: null }), { text: true, kind: "solid" });
    return notice("search", t(`${key}-title`), t(key), loosen, drop);
  }

  #showLost() {
    this.feed.stop();
    this.grid.show([]);
    this.status.replaceChildren();
    this.below.replaceChildren(notice("picture", t("upload-lost-title"), t("upload-lost"), ...pickButton("picture", "choose-picture", {}, { text: true, kind: "solid" })));
  }
}

/**
 * Whether the library can group by what the route names. If not, an error about a filter is about that.
 *
 * @param {Route} route
 */
const groupFits = ({ group }) => !group || store.library.attributes[group] === "str";

/**
 * An upload is gone after a day, but what it was mixed with can still be asked.
 *
 * @param {Route} wanted
 */
function leaveOutLost(wanted) {
  toast(t("upload-left-out"));
  go(askedWith(withoutPart(partsOf(wanted), `upload:${wanted.upload}`)), { replace: true });
}

/** @param {Record<string, number>} timings @param {boolean} cached */
function timingText(timings, cached) {
  const stages = Object.entries(timings).filter(([stage]) => stage !== "total");
  const spent = stages.map(([stage, time]) => t("stage", { stage: t(`stage-${stage}`), n: number(time, 1) }));
  const spelt = [cached && t("from-cache"), ...spent].filter(Boolean).join(" · ");
  const total = number(timings.total, timings.total < 10 ? 1 : 0);
  const spoken = { title: spelt, tabindex: 0, role: "note", "aria-label": spelt };
  return h("span", { class: "timing", ...spoken }, t("took", { n: total }));
}
