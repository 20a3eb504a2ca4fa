// Sites that the server watches: added, listed with how their last round went, removed.
import { button, fill, h } from "/console/lib/dom.js";
import { number, time } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { may } from "/console/lib/store.js";
import { explain, fail } from "/console/widgets/announce.js";
import { failure, skeleton } from "/console/widgets/states.js";
import * as copyright from "./api.js";

/** @import { Watch } from "./api.js" */

const LOOK_EVERY = 5000; // milliseconds
const MINUTES = 15;

export class Watches {
  constructor() {
    this.calls = new AbortController();
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {string} What the list shows, so that it is drawn anew only where that has changed. */
    this.shown = "";
    this.list = h("ul", { class: "registered-works" });
    this.below = h("div", { class: "below" }, skeleton(1));
    this.element = h("section", { class: "card", "aria-labelledby": "watches-title" }, h("h2", { id: "watches-title" }, t("watches")), h("p", { class: "hint" }, t("watches-hint")), may("admin") && this.#form(), this.list, this.below);
    this.load();
  }

  destroy() {
    this.calls.abort();
    clearTimeout(this.timer);
  }

  async load() {
    this.destroy();
    this.calls = new AbortController();
    const { signal } = this.calls;
    try {
      const found = await copyright.watches(signal);
      if (signal.aborted) return;
      this.#draw(found);
      if (found.watches.length) this.timer = setTimeout(() => this.load(), LOOK_EVERY);
    } catch (error) {
      if (!signal.aborted) fill(this.below, failure(error, () => this.load()));
    }
  }

  #form() {
    const url = h("input", { class: "field", id: "watch-url", type: "url", required: true, placeholder: "https://site.example/sitemap.xml" });
    const every = h("input", { class: "field", id: "watch-every", type: "number", min: "1", max: "43200", step: "1", required: true, value: String(MINUTES) });
    const problem = h("p", { class: "problem", role: "alert" });
    const start = h("button", { class: "solid" }, t("watch-add"));
    /** @param {SubmitEvent} event */
    const onsubmit = async (event) => {
      event.preventDefault();
      problem.textContent = "";
      start.disabled = true;
      try {
        await copyright.watch(url.value.trim(), Math.round(Number(every.value) * 60));
        url.value = "";
        this.load();
      } catch (error) {
        const { title, detail } = explain(error);
        problem.textContent = [title, detail].filter(Boolean).join(" ");
      } finally {
        start.disabled = false;
      }
    };
    /** @param {string} label @param {HTMLInputElement} input */
    const row = (label, input) => h("div", { class: "form-row" }, h("label", { for: input.id }, t(label)), input);
    return h("form", { class: "watch-order", onsubmit }, row("watch-url", url), row("watch-every", every), start, problem);
  }

  /** @param {{ watches: Watch[], running: boolean }} found */
  #draw(found) {
    const shown = JSON.stringify(found);
    if (shown === this.shown) return; // a button that is replaced under the pointer takes no click
    this.shown = shown;
    const { watches, running } = found;
    this.list.replaceChildren(...watches.map((watch) => this.#row(watch)));
    const words = watches.length === 0 ? t("watches-none") : running ? "" : t("watches-still");
    fill(this.below, words && h("p", { class: watches.length ? "problem" : "hint" }, words));
  }

  /** @param {Watch} watch */
  #row({ number: which, url, every, added_at: added, round_at: round, pictures, failures, problem }) {
    const since = t("watch-since", { time: time(added), n: number(Math.round(every / 6) / 10) });
    const last = round ? t("watch-round", { time: time(round), n: number(pictures) }) : t("watch-first");
    return h(
      "li",
      { class: "watch-row" },
      h(
        "div",
        { class: "work-line" },
        h("strong", {}, url),
        h("span", { class: "hint" }, `${since} · ${last}`),
        failures > 0 && h("span", { class: "problem" }, t("watch-failures", { n: number(failures), problem })),
      ),
      may("admin") && button("close", t("watch-remove"), () => this.#remove(which), { text: true }),
    );
  }

  /** @param {number} which */
  async #remove(which) {
    try {
      await copyright.unwatch(which);
      this.load();
    } catch (error) {
      fail(error);
    }
  }
}
