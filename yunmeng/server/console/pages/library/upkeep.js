// Work on the library as a whole that somebody orders here: re-encoding it, and second vectors.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { fail } from "/console/widgets/announce.js";
import { confirmed, openDialog, title } from "/console/widgets/dialog.js";

/** @import { Encoder, Job } from "/console/lib/types.js" */
/** @typedef {(job: Job) => void} OnOrdered */

/** @param {OnOrdered} onOrdered */
export const augmentButton = (onOrdered) =>
  button("", t("augment-open"), async () => {
    const { pictures, augmented } = store.library;
    const question = t(augmented ? "augment-again-title" : "augment-title");
    const sure = await confirmed(question, t("augment-hint", { n: number(pictures) }), t("augment-start"), { kind: "solid" });
    if (sure) await order("augment", {}, onOrdered);
  }, { text: true, kind: "outline" });

/** @param {OnOrdered} onOrdered */
export const reencodeButton = (onOrdered) =>
  button("", t("reencode-open"), async () => {
    try {
      openForm(await api.encoders(), onOrdered);
    } catch (error) {
      fail(error);
    }
  }, { text: true, kind: "outline" });

/** @param {OnOrdered} onOrdered */
export const backupButton = (onOrdered) => button("", t("backup-open"), () => order("backup", {}, onOrdered), { text: true, kind: "outline" });

/** @param {string} kind @param {Record<string, unknown>} given @param {OnOrdered} onOrdered */
export async function order(kind, given, onOrdered) {
  try {
    onOrdered(await api.startJob(kind, given));
  } catch (error) {
    fail(error);
  }
}

/** @param {Encoder[]} encoders @param {OnOrdered} onOrdered */
function openForm(encoders, onOrdered) {
  const { encoder: now, dim, pictures, subject, regions } = store.library;
  const known = encoders.some(({ name }) => name === now) ? encoders : [{ name: now, dim, reads_text: false }, ...encoders];
  /** @param {Encoder} one */
  const option = ({ name, dim: length }) => h("option", { value: name }, `${name === now ? t("encoder-now", { name }) : name} · ${length}`);
  const encoder = h("select", { class: "field", id: "reencode-encoder" }, ...known.map(option));
  encoder.value = now;
  /** @param {string} name @param {boolean} checked */
  const box = (name, checked) => h("input", { type: "checkbox", name, id: `reencode-${name}`, checked });
  const boxes = { subject: box("subject", subject), regions: box("regions", regions), drop: box("drop", false) };
  const start = h("button", { class: "solid" }, t("reencode-start"));
  /** What is to be another than it is now. */
  const changes = () => ({
    ...(encoder.value !== now && { encoder: encoder.value }),
    ...(boxes.subject.checked !== subject && { subject: boxes.subject.checked }),
    ...(boxes.regions.checked !== regions && { regions: boxes.regions.checked }),
  });
  const look = () => (start.disabled = Object.keys(changes()).length === 0);
  /** @param {SubmitEvent} event */
  const onsubmit = (event) => {
    event.preventDefault();
    dialog.close();
    order("reencode", { ...changes(), drop_missing: boxes.drop.checked }, onOrdered);
  };
  const form = h(
    "form",
    { class: "order", onsubmit, onchange: look },
    h("div", { class: "form-row" }, h("label", { for: "reencode-encoder" }, t("reencode-encoder")), encoder),
    ...Object.entries(boxes).map(([name, input]) => h("label", { class: "check" }, input, h("span", {}, t(`reencode-${name}`)))),
    h("div", { class: "actions end" }, button("", t("cancel"), () => dialog.close(), { text: true, kind: "outline" }), start),
  );
  const name = t("reencode-title");
  const dialog = openDialog("small-dialog", name, [title({}, name), h("p", {}, t("reencode-hint", { n: number(pictures) })), form]);
  look();
  encoder.focus();
}
