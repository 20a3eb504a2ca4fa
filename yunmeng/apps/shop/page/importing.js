// Bringing in a catalogue: the file, what is to be done with it, its progress, and the rows that were wrong.
import { call } from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { inLine } from "/console/widgets/announce.js";
import { openDialog, title } from "/console/widgets/dialog.js";
import { importCatalogue } from "./api.js";

/** @import { Job } from "/console/lib/types.js" */

const LOOK_EVERY = 500; // milliseconds
const SHOWN_FAILURES = 100;

/**
 * Opens the window in which a catalogue is brought in; `onDone` is called when products may have changed.
 *
 * @param {() => void} onDone
 */
export function openImport(onDone) {
  const file = h("input", { type: "file", class: "field", id: "shop-file", accept: ".csv,.tsv,.jsonl,.ndjson,.parquet", required: true });
  const currency = h("input", { class: "field", id: "shop-currency", maxlength: 3, pattern: "[A-Za-z]{3}", placeholder: "EUR", autocomplete: "off" });
  const folder = h("input", { class: "field", id: "shop-folder", autocomplete: "off", spellcheck: "false" });
  const replace = h("input", { type: "checkbox", id: "shop-replace" });
  const outcome = h("div", { class: "shop-import-outcome", role: "status" });
  const start = button("upload", t("shop-import-start"), () => {}, { text: true, kind: "solid", type: "submit" });
  const form = h(
    "form",
    { class: "shop-import" },
    title({}, t("shop-import")),
    h("p", { class: "hint" }, t("shop-import-hint")),
    row("shop-import-file", file),
    row("shop-import-currency", currency),
    row("shop-import-folder", folder),
    h("label", { class: "check" }, replace, t("shop-import-replace")),
    h("div", { class: "actions end" }, start),
    outcome,
  );
  let open = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = file.files?.[0];
    if (!chosen) return;
    start.disabled = true;
    fill(outcome, h("progress", { "aria-label": t("shop-import") }));
    try {
      const options = { currency: currency.value.trim().toUpperCase(), replace: replace.checked, folder: folder.value.trim() };
      const { job } = await importCatalogue(chosen, options);
      await follow(job, outcome, () => open);
      onDone();
    } catch (error) {
      fill(outcome, h("p", { class: "problem" }, inLine(error)));
    } finally {
      start.disabled = false;
    }
  });
  openDialog("small-dialog", t("shop-import"), [form], { onClose: () => (open = false) });
}

/** @param {string} key @param {HTMLElement} field */
const row = (key, field) => h("div", { class: "form-row" }, h("label", { for: field.id }, t(key)), field);

/**
 * Shows the progress of a job until it is over, and then the rows that were wrong.
 *
 * @param {number} number_
 * @param {HTMLElement} outcome
 * @param {() => boolean} wanted Whether somebody still looks.
 */
async function follow(number_, outcome, wanted) {
  while (wanted()) {
    const job = /** @type {Job} */ (await call("GET", `/v1/jobs/${number_}`));
    if (!["queued", "running"].includes(job.status)) return showEnd(job, outcome);
    const bar = h("progress", { "aria-label": t("shop-import"), ...(job.total ? { max: job.total, value: job.done } : {}) });
    fill(outcome, bar, h("p", { class: "hint" }, t("shop-import-going", { n: number(job.done) })));
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

/** @param {Job} job @param {HTMLElement} outcome */
async function showEnd(job, outcome) {
  if (job.status !== "done") return fill(outcome, h("p", { class: "problem" }, t("shop-import-failed")), job.error ? h("p", { class: "problem" }, job.error) : null);
  const { failures } = await call("GET", `/v1/jobs/${job.number}/failures?limit=${SHOWN_FAILURES}`);
  const rows = /** @type {{ path: string, reason: string }[]} */ (failures).map(({ path, reason }) => h("li", {}, h("strong", {}, path), ` ${reason}`));
  return fill(outcome, h("p", {}, t("shop-import-done", { n: number(job.failed) })), rows.length ? h("ul", { class: "shop-bad-rows", tabindex: 0 }, ...rows) : null);
}
