// Two pictures side by side, with what their fingerprints and embeddings say.
import * as api from "./api.js";
import { toast } from "./announce.js";
import { openDialog } from "./dialog.js";
import { $, button, h } from "./dom.js";
import { number, score, shortName } from "./format.js";
import { t } from "./i18n.js";
import { failure } from "./states.js";

// As a rule two files show the same picture up to these distances.
const SAME = { phash: 10, pdq: 31 };

let first = null; // waits in the tray for a second one

/** Puts a picture aside; the second one opens the comparison. */
export function addToComparison(side) {
  if (first?.id === side.id) return toast(t("compare-choose"));
  if (!first) {
    first = side;
    return drawTray();
  }
  const other = first;
  clearTray();
  return openComparison(other, side);
}

export function clearTray() {
  first = null;
  drawTray();
}

/** Draws the tray again, as in another language. */
export function drawTray() {
  const content = first && h(
    "div",
    { class: "tray", role: "region", "aria-label": t("compare") },
    h("img", { src: api.thumbnail(first.id, 128), alt: "", width: 44, height: 44 }),
    h("p", { role: "status" }, h("strong", {}, shortName(first.id)), h("span", {}, t("compare-choose"))),
    button("close", t("cancel"), clearTray),
  );
  $("#tray").replaceChildren(...[content].filter(Boolean));
}

/** Opens the window for two sides, each { id }, { url } or { file }. */
export function openComparison(a, b) {
  const urls = [];
  const result = h("div", { class: "comparison", "aria-live": "polite" });
  const pair = h("div", { class: "pair" }, ...[a, b].map((side) => figure(side, urls)));
  openDialog("compare-dialog", t("compare"), [h("h2", {}, t("compare")), pair, result], {
    onClose: () => urls.forEach((url) => URL.revokeObjectURL(url)),
  });
  load(result, a, b);
}

function figure({ id, url, file }, urls) {
  if (file) urls.push(URL.createObjectURL(file));
  const source = file ? urls.at(-1) : id ? api.thumbnail(id, 512) : api.preview(url);
  const name = id ?? url ?? file.name;
  return h("figure", {}, h("img", { src: source, alt: t("picture-of", { name }) }), h("figcaption", { title: name }, shortName(name)));
}

async function load(result, a, b) {
  result.replaceChildren(h("div", { class: "facts-wait" }));
  try {
    result.replaceChildren(...verdict(await api.compare(a, b)));
  } catch (error) {
    result.replaceChildren(failure(error, () => load(result, a, b)));
  }
}

function verdict(found) {
  const same = found.phash_distance <= SAME.phash || found.pdq_distance <= SAME.pdq;
  const key = found.same_file ? "verdict-file" : same ? "verdict-same" : "verdict-other";
  const bar = (value, text, hint) => {
    const fill = h("span", { class: "meter-fill" });
    fill.style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
    return [h("span", { class: "meter", "aria-hidden": "true" }, fill), h("strong", {}, text), h("span", { class: "hint" }, hint)];
  };
  const bits = (distance, of, limit) => bar(1 - distance / of, `${number(distance)} / ${of}`, t("distance-hint", { n: limit }));
  const rows = [
    [t("score"), bar(found.score, score(found.score), "")],
    [t("distance-phash"), bits(found.phash_distance, 64, SAME.phash)],
    [t("distance-pdq"), bits(found.pdq_distance, 256, SAME.pdq)],
  ];
  return [h("p", { class: "verdict" }, t(key)), h("dl", { class: "measures" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, ...value)]))];
}
