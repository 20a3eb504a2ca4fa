// All pictures of the library, or those that pass a filter.
import * as api from "/console/lib/api.js";
import { debounce, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { go } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";
import { inLine } from "/console/widgets/announce.js";
import { chosenPictures } from "/console/widgets/actionbar.js";
import { Grid } from "/console/widgets/grid.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import { tile } from "/console/widgets/tile.js";
import { viewControls } from "/console/widgets/view.js";

/** @import { PictureFacts, Route, Shown } from "/console/lib/types.js" */

const PAGE = 200;

export class Browser {
  constructor() {
    /** @type {string | null | undefined} */
    this.filter = undefined;
    this.chosen = chosenPictures(() => this);
    /** @type {Grid<Shown>} */
    this.grid = new Grid({ label: t("pictures"), makeTile: tile, onNearEnd: () => this.feed.more(), selection: this.chosen.selection });
    /** @type {Feed<PictureFacts>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.count = h("span", { class: "hint", role: "status" });
    this.problem = h("p", { class: "problem", role: "alert", id: "browse-problem" });
    this.below = h("div", { class: "below" });
    const later = debounce(() => go({ filter: this.input.value.trim() || null }, { replace: true }), 500);
    this.input = h("input", {
      class: "field code", type: "search", "aria-label": t("browse-filter"), placeholder: t("browse-filter"), spellcheck: "false",
      "aria-describedby": "browse-problem", oninput: later, onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && later.now(),
    });
    this.element = h(
      "section",
      { class: "browser", "aria-labelledby": "browse-title" },
      h("div", { class: "browser-head" }, h("h2", { id: "browse-title" }, t("pictures")), this.count, this.input, viewControls()),
      this.problem,
      this.grid.element,
      this.below,
      this.chosen.element,
    );
  }

  /** @param {string | null} cursor @param {AbortSignal} signal */
  async #fetch(cursor, signal) {
    const page = await api.pictures({ limit: PAGE, cursor, filter: this.filter ?? null }, signal);
    return { items: page.pictures, next: page.next_cursor, total: page.total };
  }

  ids() {
    return this.feed.items.map((item) => item.id);
  }

  place() {
    const feed = this.feed.snapshot();
    return feed && { filter: this.filter, feed, y: window.scrollY, active: this.grid.items[this.grid.active]?.id };
  }

  /** @param {Route} route @param {ReturnType<Browser["place"]>} [place] */
  update({ filter }, place) {
    if (filter === this.filter) return;
    this.filter = filter;
    this.chosen.selection.clear();
    if (document.activeElement !== this.input) this.input.value = filter ?? "";
    if (place && place.filter === filter) this.#restore(place);
    else this.feed.start();
  }

  /** @param {NonNullable<ReturnType<Browser["place"]>>} place */
  #restore({ feed, y, active }) {
    this.feed.restore(feed);
    if (active !== undefined) this.grid.focusOn(active);
    window.scrollTo(0, y);
  }

  destroy() {
    this.feed.stop();
    this.grid.destroy();
  }

  #draw() {
    const { items, next, stale, status, error, extra } = this.feed;
    const wrong = error?.code === "filter";
    this.grid.element.hidden = items.length === 0; // before it is filled: what is hidden has no width
    this.grid.show(items, { more: next !== null && (status === "ready" || status === "more"), stale });
    this.problem.textContent = wrong ? inLine(error) : "";
    this.input.setAttribute("aria-invalid", String(wrong));
    this.count.textContent = extra.total === undefined ? "" : t("pictures-count", { n: number(extra.total) });
    fill(this.below, this.#belowGrid(items, status, error, wrong));
  }

  /** @param {unknown[]} items @param {string} status @param {unknown} error @param {boolean} wrong */
  #belowGrid(items, status, error, wrong) {
    if (wrong) return null;
    if (status === "failed") return failure(error, () => this.feed.retry());
    if (items.length) return null;
    if (status === "loading" || status === "new") return skeleton(12);
    const key = store.library.pictures === 0 ? "empty" : "no-hits";
    return notice("picture", t(`${key}-title`), t(key === "empty" ? "empty-here" : "no-pictures"));
  }
}
