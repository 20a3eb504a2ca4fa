// The one list of what the server does in the background, of whatever kind: followed live, stopped, resumed.
import * as api from "/console/lib/api.js";
import { $, button, fill, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { announce } from "/console/widgets/announce.js";
import { failure } from "/console/widgets/states.js";
import { declareButton } from "./declaring.js";
import { isLive, JobRow } from "./job.js";
import { augmentButton, backupButton, reencodeButton } from "./upkeep.js";

/** @import { Job } from "/console/lib/types.js" */

const SHOWN = 5; // jobs that are over, at first
const STREAMS = 3; // jobs that are followed at once: a browser opens six connections to a server, and pictures need some
const PAUSE = 3000; // milliseconds between two looks at the list, while jobs are live that are not followed

export class JobList {
  /** @param {() => void} onEnd Is called when a job has ended. */
  constructor(onEnd) {
    this.onEnd = onEnd;
    /** @type {Map<number, JobRow>} Newest first, as they are listed. */
    this.rows = new Map();
    /** @type {number | undefined} */
    this.timer = undefined;
    this.gone = false;
    this.shown = SHOWN;
    this.list = h("div", { class: "work-list" });
    this.problem = h("div", { class: "below" });
    this.all = button("down", "", () => this.#showAll(), { text: true, hidden: true });
    const orders = [declareButton, reencodeButton, augmentButton, backupButton].map((made) => made((job) => this.put(job)));
    const head = h("div", { class: "work-head" }, h("h2", { id: "jobs-title" }, t("jobs")), h("div", { class: "actions" }, ...orders));
    this.element = h("section", { class: "card work", "aria-labelledby": "jobs-title" }, head, this.problem, this.list, this.all);
    this.load();
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
    this.rows.forEach((row) => row.leave());
  }

  async load() {
    clearTimeout(this.timer);
    try {
      const { jobs } = await api.jobs();
      if (this.gone) return;
      jobs.forEach((job) => this.#take(job));
      this.#draw();
    } catch (error) {
      if (!this.gone) fill(this.problem, failure(error, () => this.load()));
    }
  }

  /** @param {Job} job */
  put(job) {
    this.#take(job);
    this.#draw();
  }

  /** @param {Job} job */
  #take(job) {
    const known = this.rows.get(job.number);
    if (known) return known.set(job);
    const row = new JobRow(job, { onChange: () => this.#draw(), onEnd: (ended) => this.#ended(ended) });
    const rows = [...this.rows.values(), row].sort((one, other) => other.job.number - one.job.number);
    this.rows = new Map(rows.map((one) => [one.job.number, one]));
    return this.list.insertBefore(row.element, rows[rows.indexOf(row) + 1]?.element ?? null);
  }

  /** @param {JobRow} row */
  #ended(row) {
    announce(row.summary());
    this.onEnd();
    this.load(); // the next one of its kind may have begun
  }

  #draw() {
    const rows = [...this.rows.values()];
    const live = rows.filter(({ job }) => isLive(job)).sort((one, other) => order(one.job) - order(other.job));
    live.slice(0, STREAMS).forEach((row) => row.follow());
    live.slice(STREAMS).forEach((row) => row.leave());
    clearTimeout(this.timer);
    if (live.length > STREAMS) this.timer = setTimeout(() => this.load(), PAUSE);
    rows.forEach((row, at) => (row.element.hidden = at >= this.shown && !isLive(row.job)));
    this.all.hidden = rows.every(({ element }) => !element.hidden);
    $("span", this.all).textContent = t("jobs-all", { n: number(rows.length) });
    fill(this.problem, rows.length === 0 && h("p", { class: "hint" }, t("jobs-none")));
  }

  #showAll() {
    const first = [...this.rows.values()].find(({ element }) => element.hidden);
    this.shown = Infinity;
    this.#draw();
    first?.element.focus(); // the button that had the keyboard is gone
  }
}

/** The one that runs before those that wait, and these as they will run. @param {Job} job */
const order = ({ status, number: place }) => (status === "running" ? place - 2 ** 53 : place);
