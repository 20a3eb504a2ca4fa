// One piece of background work: what it is, how far it has come, and what can be done about it.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { number, time } from "/console/lib/format.js";
import { has, t } from "/console/lib/i18n.js";
import { explain, fail, reasonText } from "/console/widgets/announce.js";

/** @import { Job } from "/console/lib/types.js" */

/** @param {Job} job */
export const isLive = ({ status }) => status === "queued" || status === "running";

export class JobRow {
  /**
   * `onChange(row)` is told when somebody has stopped or resumed it, `onEnd(row)` when it has come to an end of its own.
   *
   * @param {Job} job
   * @param {{ onChange: (row: JobRow) => void, onEnd: (row: JobRow) => void }} listeners
   */
  constructor(job, { onChange, onEnd }) {
    this.job = job;
    this.onChange = onChange;
    this.onEnd = onEnd;
    /** @type {EventSource | null} */
    this.events = null;
    this.name = nameOf(job);
    const told = argumentsText(job);
    // Made once and changed in place: a button that is replaced under the pointer takes no click.
    this.state = h("span", { class: "work-state" });
    this.cancel = button("stop", t("cancel"), () => this.#act(api.cancelJob), { text: true });
    this.resume = button("again", t("job-resume"), () => this.#act(api.resumeJob), { text: true });
    this.bar = h("progress", { "aria-label": t("job-progress", { name: this.name }) });
    this.words = h("p", { class: "hint" });
    this.problem = h("p", { class: "problem" });
    this.failuresHead = h("summary", {});
    this.failuresList = h("ul", {});
    this.failures = h("details", { class: "failures" }, this.failuresHead, this.failuresList);
    this.failures.addEventListener("toggle", () => this.failures.open && this.#loadFailures());
    const head = h("div", { class: "work-row-head" }, h("strong", {}, this.name), h("span", { class: "name", title: told }, told), this.state, this.cancel, this.resume);
    this.element = h("article", { class: "work-row", tabindex: "-1", "data-kind": job.kind }, head, this.bar, this.words, this.problem, this.failures);
    this.#draw();
  }

  /** @param {Job} job */
  set(job) {
    this.job = job;
    if (!isLive(job)) this.leave();
    this.#draw();
  }

  /** What became of it, in a line. */
  summary() {
    return `${this.name}: ${t(`status-${this.job.status}`)}, ${countsText(this.job)}`;
  }

  /** Has the server tell how far it is, from now on. */
  follow() {
    if (this.events) return;
    this.events = new EventSource(api.jobEvents(this.job.number));
    this.events.addEventListener("progress", (event) => {
      this.job = JSON.parse(event.data);
      this.#draw();
    });
    this.events.addEventListener("end", (event) => {
      this.set(JSON.parse(event.data)); // which closes the stream, or the browser would connect again
      if (this.failures.open) this.#loadFailures();
      this.onEnd(this);
    });
  }

  leave() {
    this.events?.close();
    this.events = null;
  }

  #draw() {
    const { status, phase, done, total, failed, resumable, error, started_at: began } = this.job;
    const live = isLive(this.job);
    this.state.className = `work-state ${status}`;
    this.state.textContent = t(`status-${status}`);
    const pressed = [this.cancel, this.resume].some((one) => one === document.activeElement);
    this.cancel.hidden = !live;
    this.resume.hidden = !resumable;
    if (pressed) (live ? this.cancel : this.resume).focus();
    this.bar.hidden = !live;
    if (total) Object.assign(this.bar, { max: total, value: Math.min(done, total) });
    else this.bar.removeAttribute("value");
    const of = total === null ? t("job-counting") : t("job-of", { done: number(done), all: number(total) });
    const at = status === "running" ? [phase && has(`phase-${phase}`) && t(`phase-${phase}`), of] : [];
    this.words.textContent = [...at, status !== "queued" && countsText(this.job), time(began)].filter(Boolean).join(" · ");
    this.problem.textContent = error ? reasonText(error) : "";
    this.failures.hidden = failed === 0;
    this.failuresHead.textContent = t("job-failures", { n: number(failed) });
  }

  /** @param {(number: number) => Promise<Job>} call */
  async #act(call) {
    try {
      this.set(await call(this.job.number));
      this.onChange(this);
    } catch (error) {
      fail(error);
    }
  }

  async #loadFailures() {
    const list = this.failuresList;
    try {
      const { failures } = await api.jobFailures(this.job.number);
      list.replaceChildren(...failures.map(({ path, reason }) => h("li", {}, h("code", {}, path), h("span", { class: "problem" }, reasonText(reason)))));
    } catch (error) {
      list.replaceChildren(h("li", { class: "problem" }, explain(error).title));
    }
  }
}

/** A kind of an application's may have no words. @param {Job} job */
const nameOf = ({ kind }) => (has(`kind-${kind}`) ? t(`kind-${kind}`) : kind);

/** @param {Job} job */
function countsText({ kind, done, skipped, failed }) {
  if (kind === "import") return t("job-counts", { indexed: number(done - skipped - failed), skipped: number(skipped), failed: number(failed) });
  return [t("job-done", { n: number(done - failed) }), failed > 0 && t("job-failed", { n: number(failed) })].filter(Boolean).join(t("and"));
}

/** What was ordered, in a line. @param {Job} job */
function argumentsText({ kind, arguments: given }) {
  const { paths = [], manifest, encoder, subject, regions } = /** @type {Record<string, any>} */ (given);
  if (kind === "import") return [...paths, manifest].filter(Boolean).join(", ");
  if (kind === "reencode") {
    const seen = [subject === true && "seen-subject", subject === false && "seen-whole", regions === true && "seen-regions", regions === false && "seen-no-regions"];
    return [encoder, ...seen.map((key) => key && t(key))].filter(Boolean).join(t("and"));
  }
  if (kind === "declare") return Object.entries(given.attributes ?? {}).map(([name, type]) => `${name}: ${t(type ? `type-${type}` : "declare-none")}`).join(t("and"));
  const told = Object.entries(given).filter(([, value]) => value !== null);
  return told.map(([name, value]) => (has(`${name}-${value}`) ? t(`${name}-${value}`) : `${name}: ${value}`)).join(t("and"));
}
