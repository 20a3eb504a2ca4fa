// All pictures of the library, or those in a folder that pass a filter.
import * as api from "/console/lib/api.js";
import { fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { go } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";
import { chosenPictures } from "/console/widgets/actionbar.js";
import { inLine } from "/console/widgets/announce.js";
import { Drawer } from "/console/widgets/drawer.js";
import { filterPanel } from "/console/widgets/filters/panel.js";
import { Grid } from "/console/widgets/grid.js";
import { saveButton, savedSearches } from "/console/widgets/saved.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import { tile } from "/console/widgets/tile.js";
import { viewControls } from "/console/widgets/view.js";
import { folderTree } from "./folders.js";

/** @import { PictureFacts, Route, Shown } from "/console/lib/types.js" */
/** @typedef {{ filter: string | null, folder: string | null }} Asked */

const PAGE = 200;

export class Browser {
  constructor() {
    /** @type {Asked | null} */
    this.asked = null;
    this.chosen = chosenPictures(() => this);
    /** @type {Grid<Shown>} */
    this.grid = new Grid({ label: t("pictures"), makeTile: tile, onNearEnd: () => this.feed.more(), selection: this.chosen.selection });
    /** @type {Feed<PictureFacts>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.count = h("span", { class: "hint", role: "status" });
    this.below = h("div", { class: "below" });
    this.saved = savedSearches();
    this.folders = folderTree();
    this.filters = this.#makeFilters();
    this.drawer = new Drawer(t("filters"), [this.saved.element, this.folders.element, this.filters.element]);
    const head = h("div", { class: "browser-head" }, h("h2", { id: "browse-title" }, t("pictures")), this.count, saveButton(), viewControls(), this.drawer.opener);
    this.element = h(
      "section",
      { class: "browser", "aria-labelledby": "browse-title" },
      h("aside", { class: "side" }, this.drawer.place),
      h("div", { class: "results" }, head, this.grid.element, this.below),
      this.chosen.element,
    );
  }

  #makeFilters() {
    return filterPanel((filter) => go({ filter }, { replace: true }));
  }

  /** The values that filters offer have changed, and perhaps the folders. */
  libraryChanged() {
    const before = this.filters;
    this.filters = this.#makeFilters();
    before.element.replaceWith(this.filters.element);
    this.filters.set(this.asked?.filter ?? null);
  }

  /** Reads all anew, as after pictures have come in. */
  refresh() {
    this.feed.start();
    this.folders.load();
  }

  /** @param {string | null} cursor @param {AbortSignal} signal */
  async #fetch(cursor, signal) {
    const { filter, folder } = this.asked ?? { filter: null, folder: null };
    const page = await api.pictures({ limit: PAGE, cursor, filter, folder }, signal);
    return { items: page.pictures, next: page.next_cursor, total: page.total };
  }

  ids() {
    return this.feed.items.map((item) => item.id);
  }

  place() {
    const feed = this.feed.snapshot();
    return feed && { asked: this.asked, feed, y: window.scrollY, active: this.grid.items[this.grid.active]?.id };
  }

  /** @param {Route} route @param {ReturnType<Browser["place"]>} [place] */
  update({ filter, folder }, place) {
    const before = this.asked;
    if (before && filter === before.filter && folder === before.folder) return;
    this.asked = { filter, folder };
    this.chosen.selection.clear();
    this.folders.set(folder);
    if (!before || before.filter !== filter) this.filters.set(filter);
    this.drawer.mark(this.filters.count() + (folder ? 1 : 0));
    if (place && JSON.stringify(place.asked) === JSON.stringify(this.asked)) this.#restore(place);
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
    this.filters.stop();
    this.saved.destroy();
    this.drawer.destroy();
    this.grid.destroy();
  }

  #draw() {
    const { items, next, stale, status, error, extra } = this.feed;
    const wrong = error?.code === "filter";
    this.grid.element.hidden = items.length === 0; // before it is filled: what is hidden has no width
    this.grid.show(items, { more: next !== null && (status === "ready" || status === "more"), stale });
    this.filters.fail(wrong ? inLine(error) : null);
    this.count.textContent = extra.total === undefined ? "" : t("pictures-count", { n: number(extra.total) });
    fill(this.below, this.#belowGrid(items, status, error, wrong));
  }

  /** @param {unknown[]} items @param {string} status @param {unknown} error @param {boolean} wrong */
  #belowGrid(items, status, error, wrong) {
    if (wrong) return notice("warning", t("filter-wrong-title"), t("filter-wrong"));
    if (status === "failed") return failure(error, () => this.feed.retry());
    if (items.length) return null;
    if (status === "loading" || status === "new") return skeleton(12);
    const key = store.library.pictures === 0 ? "empty" : "no-hits";
    return notice("picture", t(`${key}-title`), t(key === "empty" ? "empty-here" : "no-pictures"));
  }
}
