// Two pictures side by side: what one has to do with the other, what was done to it, and the evidence.
import * as api from "/console/lib/api.js";
import { $, button, fill, h, icon } from "/console/lib/dom.js";
import { number, score, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { toast } from "./announce.js";
import { openDialog, title } from "./dialog.js";
import { alignmentWords, editWords } from "./explanation.js";
import { failure } from "./states.js";
import { Zoom } from "./zoom.js";

/** @typedef {{ urls: string[], signal: AbortSignal }} Call */
/** @import { Comparison, Picture } from "/console/lib/types.js" */

// As a rule two files show the same picture up to these distances.
const SAME = { phash: 10, pdq: 31 };

/** @type {{ id: string } | null} */
let first = null; // waits in the tray for a second one

/**
 * Puts a picture aside; the second one opens the comparison.
 *
 * @param {{ id: string }} side
 */
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
  fill($("#tray"), content);
}

/**
 * Opens the window for two sides, each { id }, { url } or { file }; `a` is the suspect, `b` what it may be made from.
 *
 * @param {Picture} a
 * @param {Picture} b
 */
export function openComparison(a, b) {
  /** @type {string[]} */
  const urls = [];
  const calls = new AbortController();
  const result = h("div", { class: "comparison", "aria-live": "polite" });
  const sides = [a, b].map((side) => pictureOf(side, urls));
  const zoom = new Zoom(sides);
  /** @param {{ name: string }} side @param {number} at */
  const figure = ({ name }, at) => h("figure", {}, zoom.views[at].frame, h("figcaption", { title: name }, shortName(name)));
  const head = h("div", { class: "compare-head" }, title({}, t("compare")), zoom.controls);
  openDialog("compare-dialog", t("compare"), [head, h("div", { class: "pair" }, ...sides.map(figure)), result], {
    onClose: () => {
      calls.abort();
      urls.forEach((url) => URL.revokeObjectURL(url));
    },
  });
  load(result, a, b, { urls, signal: calls.signal });
}

/** @param {Picture} side */
const nameOf = ({ id, url, file }) => id ?? url ?? file?.name ?? "";

/** @param {Picture} side @param {string[]} urls */
function pictureOf({ id, url, file }, urls) {
  if (file) urls.push(URL.createObjectURL(file));
  const name = nameOf({ id, url, file });
  const source = file ? urls.at(-1) : id ? api.thumbnail(id, 1024) : api.preview(name);
  return { name, image: h("img", { src: source, alt: t("picture-of", { name }) }), large: id ? api.original(id) : null };
}

/** @param {HTMLElement} result @param {Picture} a @param {Picture} b @param {Call} call */
async function load(result, a, b, call) {
  result.replaceChildren(h("div", { class: "facts-wait" }));
  try {
    const found = await api.compare(a, b, call.signal);
    const evidence = evidenceOf(a, b, { ...call, later: found.verdict === "different" || found.verdict === "same-file" });
    fill(result, verdict(found), evidence, measures(found));
  } catch (error) {
    if (!call.signal.aborted) result.replaceChildren(failure(error, () => load(result, a, b, call)));
  }
}

/** @param {Comparison} found */
function verdict({ verdict: is, difference, edits, alignment }) {
  const done = edits.length > 0 && h("ul", { class: "edits", "aria-label": t("edits") }, ...edits.map((edit) => h("li", {}, editWords(edit))));
  const lies = alignment && h("p", { class: "hint" }, alignmentWords(alignment, { compared: true }).join(" · "));
  return [h("p", { class: `verdict ${is}` }, t(`verdict-${difference ?? is}`)), done, lies];
}

/** @param {Comparison} found */
function measures(found) {
  /** @param {number} value @param {string} text @param {string} hint */
  const bar = (value, text, hint) => {
    const fill = h("span", { class: "meter-fill" });
    fill.style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
    return [h("span", { class: "meter", "aria-hidden": "true" }, fill), h("strong", {}, text), h("span", { class: "hint" }, hint)];
  };
  /** @param {number} distance @param {number} of @param {number} limit */
  const bits = (distance, of, limit) => bar(1 - distance / of, `${number(distance)} / ${of}`, t("distance-hint", { n: limit }));
  const rows = [
    [t("score"), bar(found.score, score(found.score), "")],
    [t("distance-phash"), bits(found.phash_distance, 64, SAME.phash)],
    [t("distance-pdq"), bits(found.pdq_distance, 256, SAME.pdq)],
  ];
  return h("dl", { class: "measures" }, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, ...value)]));
}

/**
 * The part of a comparison that shows the evidence, at once or with `later` when it is asked for; `urls` takes the addresses
 * to be given back, and `signal` calls it off.
 *
 * @param {Picture} a
 * @param {Picture} b
 * @param {Call & { later: boolean }} options
 */
function evidenceOf(a, b, { later, urls, signal }) {
  const place = h("div", { class: "evidence", "aria-live": "polite" });
  const load = async () => {
    place.replaceChildren(h("div", { class: "facts-wait" }));
    try {
      const url = URL.createObjectURL(await api.evidence(a, b, signal));
      urls.push(url);
      place.replaceChildren(drawing(url, `${stem(a)}-${stem(b)}.png`));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failure(error, load));
    }
  };
  if (later) place.append(button("compare", t("evidence-show"), load, { text: true, kind: "outline" }));
  else load();
  return place;
}

/**
 * What a file may be named after a side of a comparison.
 *
 * @param {Picture} side
 */
const stem = (side) => shortName(nameOf(side)).replace(/\.\w{1,5}$/, "").replaceAll(/[^\p{L}\p{N}_-]+/gu, "-") || "picture";

/** @param {string} url @param {string} name */
function drawing(url, name) {
  const image = h("img", { src: url, alt: t("evidence-alt"), class: "evidence-picture" });
  const large = h("a", { href: url, target: "_blank", rel: "noopener", "aria-label": t("evidence-large"), title: t("evidence-large") }, image);
  const keep = h("a", { class: "outline", href: url, download: `${t("evidence-file")}-${name}` }, icon("download"), h("span", {}, t("evidence-keep")));
  return h("figure", {}, large, h("div", { class: "actions" }, keep));
}
