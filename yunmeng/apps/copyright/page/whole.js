// The button that checks the whole library in the background, and how far that is.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { announce, fail } from "/console/widgets/announce.js";
import * as copyright from "./api.js";

/** @import { Job } from "/console/lib/types.js" */

const LOOK_EVERY = 1500; // milliseconds

/** @param {Job} job */
const isLive = ({ status }) => status === "queued" || status === "running";

export class WholeCheck {
  /** @param {() => void} onEnd Is called when a check has ended. */
  constructor(onEnd) {
    this.onEnd = onEnd;
    this.gone = false;
    this.start = button("picture", t("whole-check"), () => this.#order(), { text: true, kind: "outline" });
    // Made once and changed in place: a button that is replaced under the pointer takes no click.
    this.bar = h("progress", { "aria-label": t("whole-check"), hidden: true });
    this.stop = button("stop", t("cancel"), () => {}, { text: true, hidden: true });
    this.words = h("p", { class: "hint" });
    this.element = h("div", { class: "whole-check" }, h("div", { class: "actions" }, this.start, this.stop), this.bar, this.words);
    this.#pickUp();
  }

  destroy() {
    this.gone = true;
  }

  /** Follows a check that runs already. */
  async #pickUp() {
    try {
      const { jobs } = await api.jobs();
      const job = jobs.find((one) => one.kind === "copyright-check");
      if (job && isLive(job)) await this.#follow(job.number);
    } catch (error) {
      if (!this.gone) fail(error);
    }
  }

  async #order() {
    this.start.disabled = true;
    try {
      const { job } = await copyright.checkLibrary();
      await this.#follow(job);
    } catch (error) {
      fail(error);
    } finally {
      this.start.disabled = false;
    }
  }

  /** @param {number} which */
  async #follow(which) {
    this.stop.onclick = () => api.cancelJob(which).catch(fail);
    while (!this.gone) {
      const job = await copyright.job(which);
      this.#show(isLive(job));
      if (!isLive(job)) return this.#end(job);
      if (job.total) Object.assign(this.bar, { max: job.total, value: job.done });
      this.words.textContent = job.total ? t("whole-going", { n: number(job.done), all: number(job.total) }) : "";
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
    return undefined;
  }

  /** @param {boolean} live */
  #show(live) {
    this.start.disabled = live;
    this.stop.hidden = this.bar.hidden = !live;
  }

  /** @param {Job} job */
  #end({ status, done, failed, error }) {
    const words = status === "done" ? t("whole-done", { n: number(done - failed) }) : t("whole-stopped");
    const unread = failed > 0 && t("job-failed", { n: number(failed) });
    this.words.textContent = [error || words, unread].filter(Boolean).join(" ");
    announce(words);
    this.onEnd();
  }
}
