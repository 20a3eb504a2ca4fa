// Looking for near-duplicates in the whole library: start, progress, cancel.
import { $, button, focused, h } from "/console/lib/dom.js";
import { number, time } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { announce, fail } from "/console/widgets/announce.js";
import { failure } from "/console/widgets/states.js";
import * as duplicates from "./api.js";

/** @import { SearchState } from "./api.js" */

const PAUSE = 700; // milliseconds between two looks at a search that is under way

/** { element, state, refresh(), destroy() }; `onChange(state)` is told of each state, and `ended` of those that end a search. */
export class DuplicateSearch {
  /** @param {(state: SearchState, ended: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {SearchState | null} */
    this.state = null;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.calls = new AbortController();
    this.rule = h("select", { class: "field", id: "keep-rule" });
    this.start = button("search", t("duplicates-start"), () => this.#send(() => duplicates.find(this.rule.value)), { text: true, kind: "solid" });
    this.cancel = button("stop", t("cancel"), () => this.#send(duplicates.cancel), { text: true, kind: "outline" });
    this.bar = h("progress", { "aria-label": t("duplicates-progress") });
    this.words = h("p", { class: "hint" });
    this.problem = h("p", { class: "problem", role: "alert" });
    const choice = h("div", { class: "form-row" }, h("label", { for: "keep-rule" }, t("keep-rule")), this.rule);
    this.order = h("div", { class: "duplicates-order" }, choice, this.start);
    this.progress = h("div", { class: "duplicates-progress", hidden: true }, this.bar, this.cancel);
    this.element = h("section", { class: "card duplicates-search", "aria-label": t("duplicates-search") }, this.order, this.progress, this.words, this.problem);
    this.refresh();
  }

  destroy() {
    this.calls.abort();
    clearTimeout(this.timer);
  }

  async refresh() {
    clearTimeout(this.timer);
    try {
      this.#take(await duplicates.state(this.calls.signal));
    } catch (error) {
      if (this.calls.signal.aborted) return;
      if (this.state?.status === "running") this.timer = setTimeout(() => this.refresh(), PAUSE * 5); // it goes on without us
      else this.words.replaceChildren(failure(error, () => this.refresh()));
    }
  }

  /** @param {() => Promise<SearchState>} call */
  async #send(call) {
    this.problem.textContent = "";
    try {
      this.#take(await call());
    } catch (error) {
      fail(error);
    }
  }

  /** @param {SearchState} state */
  #take(state) {
    if (this.calls.signal.aborted) return;
    const before = this.state;
    this.state = state;
    this.#draw(state);
    const ended = before?.status === "running" && state.status !== "running";
    if (ended) announce(this.words.textContent);
    this.onChange(state, ended || !before);
    clearTimeout(this.timer);
    if (state.status === "running") this.timer = setTimeout(() => this.refresh(), PAUSE);
  }

  /** @param {SearchState} state */
  #draw(state) {
    const { status, phase, done, total, error, rules } = state;
    if (!this.rule.length) this.rule.append(...rules.map((name) => h("option", { value: name }, t(`keep-${name}`))));
    const running = status === "running";
    const pressed = [this.start, this.cancel].find((one) => one === focused());
    this.order.hidden = running;
    this.progress.hidden = !running;
    if (pressed && !pressed.offsetParent) (running ? this.cancel : this.start).focus();
    if (running && total) Object.assign(this.bar, { max: total, value: Math.min(done, total) });
    else this.bar.removeAttribute("value");
    const of = total ? t("job-of", { done: number(done), all: number(total) }) : "";
    const step = phase ? t(`phase-${phase}`) : t("phase-reading");
    this.words.textContent = running ? [step, of].filter(Boolean).join(" · ") : resultText(state);
    this.problem.textContent = status === "failed" ? (error ?? t("error.internal")) : "";
    $("span", this.start).textContent = t(status === "none" ? "duplicates-start" : "duplicates-again");
  }
}

/** @param {SearchState} state */
function resultText({ status, groups, pictures, open, finished_at: finished }) {
  if (status === "none") return t("duplicates-none-yet");
  const found = status === "failed" ? "" : t("duplicates-found", { n: number(groups), pictures: number(pictures), open: number(open) });
  return [status === "done" ? "" : t(`duplicates-${status}`), found, finished ? time(finished) : ""].filter(Boolean).join(" · ");
}
