// Sending files to the library: a few at a time, each with its progress and, where it fails, the reason.
import * as api from "/console/lib/api.js";
import { button, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { show } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";
import { announce, explain } from "/console/widgets/announce.js";
import { attributeForm } from "/console/widgets/attributes.js";

/** @import { Props, Shape } from "/console/lib/dom.js" */
/** @import { Attributes } from "/console/lib/types.js" */

const AT_ONCE = 3; // enough to keep the encoder's batches filled
const SHOWN = 200; // rows in the document; what is done scrolls out first
const TRIES = 4;

/**
 * @typedef {object} Job
 * @property {File} file
 * @property {string} name
 * @property {string} naming
 * @property {Attributes | null} values
 * @property {string} state waiting, sending, failed, or what became of it
 * @property {string} [id] Of its picture, once it is there.
 * @property {string} [same] Another picture with the same bytes that was there before.
 * @property {number} part That has been sent, in [0, 1].
 * @property {{ title: string, detail: string }} [reason]
 */

// Outlives the page, so that going to search and back, or another language, does not stop it.
/** @type {{ jobs: Job[], running: number, settings: { naming: string, values: () => Attributes | null } }} */
const queue = { jobs: [], running: 0, settings: { naming: "name", values: () => null } };
const changes = new EventTarget();

/**
 * Puts files into the queue.
 *
 * @param {(File & { path?: string })[]} files
 */
export function addFiles(files) {
  const values = queue.settings.values();
  const pictures = files.filter((file) => !file.name.startsWith(".") && (!file.type || /^(image|application)\//.test(file.type)));
  const { naming } = queue.settings;
  for (const file of pictures) {
    const name = file.path || file.webkitRelativePath || file.name;
    queue.jobs.push({ file, name, naming, values, state: "waiting", part: 0 });
  }
  changes.dispatchEvent(new Event("change"));
  fill();
}

function fill() {
  while (queue.running < AT_ONCE) {
    const job = queue.jobs.find((one) => one.state === "waiting");
    if (!job) break;
    queue.running += 1;
    send(job).finally(() => {
      queue.running -= 1;
      changes.dispatchEvent(new Event(queue.jobs.some(isOpen) ? "change" : "done"));
      fill();
    });
  }
}

/** @param {Job} job */
const isOpen = (job) => job.state === "waiting" || job.state === "sending";

/** @param {Job} job @returns {Promise<void>} */
async function send(job) {
  job.state = "sending";
  /** @param {number} part */
  const onProgress = (part) => {
    job.part = part;
    changes.dispatchEvent(new Event("change"));
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { results } = await api.add(job.file, { id: job.naming === "name" ? job.name : null, values: job.values, onProgress });
      if (results[0].error) throw new api.ApiError(422, results[0].error);
      job.state = results[0].status ?? "";
      job.id = results[0].id;
      job.same = results[0].same_as?.[0];
      return;
    } catch (error) {
      const wait = error instanceof api.ApiError ? error.retryAfter : null;
      if (!wait || attempt === TRIES) {
        Object.assign(job, { state: "failed", reason: explain(error) });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait * 1000)); // a full server says when to come again
    }
  }
}

/**
 * The part of the library page; `onDone()` is called when all that was sent is in.
 *
 * @param {() => void} onDone
 */
export function uploadSection(onDone) {
  const list = h("ul", { class: "jobs" });
  const summary = h("p", { class: "hint", role: "status" });
  const clear = button("", t("upload-clear"), () => {
    queue.jobs = queue.jobs.filter(isOpen);
    draw();
  }, { text: true, kind: "quiet" });
  const draw = () => drawJobs(list, summary, clear);
  const done = () => {
    draw();
    announce(summary.textContent);
    onDone();
  };
  changes.addEventListener("change", draw);
  changes.addEventListener("done", done);
  const form = settings();
  const element = h(
    "section",
    { class: "card", "aria-labelledby": "upload-title" },
    h("h2", { id: "upload-title" }, t("upload-title")),
    h(
      "div",
      { class: "drop-field" },
      icon("upload"),
      h("p", {}, t("upload-hint")),
      h(
        "div",
        { class: "actions" },
        ...picker("picture", "choose-files", { multiple: true, accept: "image/*" }),
        ...picker("folder", "choose-folder", { webkitdirectory: true }),
      ),
    ),
    form,
    h("div", { class: "jobs-head" }, summary, clear),
    list,
  );
  draw();
  const destroy = () => {
    changes.removeEventListener("change", draw);
    changes.removeEventListener("done", done);
  };
  return { element, destroy };
}

/** @param {Shape} shape @param {string} key @param {Props} properties */
function picker(shape, key, properties) {
  const input = h("input", { type: "file", hidden: true, name: key, ...properties });
  input.addEventListener("change", () => {
    addFiles([...(input.files ?? [])]);
    input.value = "";
  });
  return [button(shape, t(key), () => input.click(), { text: true, kind: "outline" }), input];
}

function settings() {
  const form = attributeForm(store.attributes);
  queue.settings.values = () => {
    const values = form.read();
    return Object.keys(values).length ? values : null;
  };
  const naming = h("select", { class: "field", id: "naming" }, h("option", { value: "name" }, t("naming-name")), h("option", { value: "content" }, t("naming-content")));
  naming.value = queue.settings.naming;
  naming.addEventListener("change", () => (queue.settings.naming = naming.value));
  return h(
    "details",
    { class: "advanced" },
    h("summary", {}, t("upload-settings")),
    h("div", { class: "form-row" }, h("label", { for: "naming" }, t("naming")), naming),
    store.attributes.length > 0 && h("p", { class: "hint" }, t("upload-attributes")),
    form.element,
  );
}

/** @param {HTMLElement} list @param {HTMLElement} summary @param {HTMLElement} clear */
function drawJobs(list, summary, clear) {
  const { jobs } = queue;
  const failed = jobs.filter((job) => job.state === "failed");
  const over = jobs.filter((job) => !isOpen(job));
  summary.textContent = jobs.length ? t("upload-summary", { done: over.length, all: jobs.length, failed: failed.length }) : "";
  clear.hidden = over.length === 0;
  const others = jobs.filter((job) => job.state !== "failed");
  const order = [...failed, ...others.filter(isOpen), ...others.filter((job) => !isOpen(job))];
  list.replaceChildren(...order.slice(0, SHOWN).map(jobRow));
}

/** @param {Job} job */
function jobRow({ name, state, part, reason, id, same }) {
  const progress = state === "sending" && h("progress", part < 1 ? { value: part, max: 1 } : {});
  const why = reason && h("span", { class: "problem" }, reason.title, reason.detail ? h("small", {}, ` ${reason.detail}`) : "");
  return h("li", { class: `job ${state}` }, h("span", { class: "name", title: name }, name), progress, h("span", { class: "job-state" }, t(`upload-${state}`)), why || (id && shown(id, same)));
}

/** What is there by now can be looked at, and what was there before under another id. @param {string} id @param {string | undefined} same */
function shown(id, same) {
  /** @param {string} one @param {string} word */
  const look = (one, word) => button("picture", word, () => show(one), { text: true, kind: "quiet small" });
  const before = same && [h("span", { class: "hint" }, t("upload-same", { id: same })), look(same, t("upload-show-same"))];
  return h("span", { class: "job-shown" }, before, look(id, t("upload-show")));
}
