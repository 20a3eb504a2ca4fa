// The library: what it is, bringing pictures in, looking through them.
import { h } from "/console/lib/dom.js";
import { bytes, number, time } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { prefer, preference } from "/console/lib/preferences.js";
import { loadLibrary, may, store } from "/console/lib/store.js";
import { Browser } from "./browser.js";
import { importSection } from "./imports.js";
import { JobList } from "./jobs.js";
import { addFiles, uploadSection } from "./upload.js";

/** @import { Route } from "/console/lib/types.js" */

export class LibraryPage {
  constructor() {
    this.facts = h("dl", { class: "numbers" });
    this.browser = new Browser();
    this.jobs = may("admin") ? new JobList(() => this.refresh()) : null;
    const imports = this.jobs && importSection((job) => this.jobs?.put(job));
    this.upload = may("write") ? uploadSection(() => this.refresh()) : null;
    this.element = h(
      "div",
      { class: "library-page" },
      h("header", { class: "library-head" }, h("h1", {}, store.library.name), this.facts),
      this.upload && this.#manage(h("div", { class: "library-add" }, this.upload.element, imports), this.jobs?.element),
      this.browser.element,
    );
    this.drawFacts();
  }

  /** What brings pictures in, folded away by those who come to look at them, and on a phone. @param {(HTMLElement | undefined)[]} content */
  #manage(...content) {
    const element = h("details", { class: "library-manage", open: preference("manage") && !matchMedia("(max-width: 860px)").matches }, h("summary", {}, t("library-manage")), ...content);
    element.addEventListener("toggle", () => element.open !== preference("manage") && prefer("manage", element.open));
    return element;
  }

  receive() {
    const files = may("write") ? addFiles : () => {};
    return { hint: may("write") ? "drop-to-add" : "drop-not-allowed", files, wantsFolders: true };
  }

  ids() {
    return this.browser.ids();
  }

  /** @param {string} id */
  removed(id) {
    this.browser.feed.drop(id);
  }

  libraryChanged() {
    this.browser.libraryChanged();
  }

  /** @param {string} id */
  focusOn(id) {
    this.browser.grid.focusOn(id);
  }

  skipTo() {
    this.browser.grid.focus();
    return this.browser.grid.items.length > 0;
  }

  place() {
    return this.browser.place();
  }

  /** @param {Route} route @param {ReturnType<Browser["place"]>} [place] */
  update(route, place) {
    this.browser.update(route, place);
  }

  destroy() {
    this.jobs?.destroy();
    this.upload?.destroy();
    this.browser.destroy();
  }

  /** After pictures have come in. */
  async refresh() {
    await loadLibrary().catch(() => {}); // the figures stay as they were; whatever failed says so itself
    this.drawFacts();
    this.browser.refresh();
  }

  drawFacts() {
    const { pictures, encoder, dim, bytes: size, created, version, attributes, subject, regions, augmented, enhance, full_text: text, words_missing: unread } = store.library;
    const prepared = [...Object.entries({ subject, regions, augmented }).flatMap(([name, on]) => (on ? [`seen-${name}`] : [])), ...enhance.map((name) => `enhance-${name}`)];
    const declared = Object.entries(attributes).map(([name, type]) => `${name}: ${type}`).join(", ");
    const rows = [
      ["fact-pictures", number(pictures)],
      ["fact-size", bytes(size)],
      ["fact-encoder", `${encoder} · ${dim}`],
      ...(prepared.length ? [["fact-prepared", prepared.map((key) => t(key)).join(t("and"))]] : []),
      ...(text === "missing" ? [["fact-words", t("words-by-meaning")]] : []),
      ...(unread ? [["fact-words", t("words-unread", { count: unread })]] : []),
      ["fact-created", time(created)],
      ["fact-version", version],
      ["fact-attributes", declared || t("none")],
    ];
    this.facts.replaceChildren(...rows.map(([key, value]) => h("div", { class: key }, h("dt", {}, t(key)), h("dd", {}, value))));
  }
}

