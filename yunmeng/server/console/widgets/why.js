// What of the query and of a hit is alike: places of both pictures, and words. The steps behind the score are in explanation.js.
import * as api from "/console/lib/api.js";
import { readColours } from "/console/lib/colours.js";
import { h } from "/console/lib/dom.js";
import { percent, score } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { route } from "/console/lib/router.js";
import { colourBar } from "./colours/swatches.js";

/** @import { Child } from "/console/lib/dom.js" */
/** @import { HeatMap, Picture, Step, Swatch, Why } from "/console/lib/types.js" */

const DARKEST = 0.85; // of a place that is not alike

/**
 * The likeness of the hit and what was asked with, as parts of a panel; none for a mixture, whose parts have maps of their own.
 *
 * @param {string} hit
 * @param {Picture | null} asked The picture that was asked with, null for words.
 * @param {AbortSignal} signal
 * @returns {Promise<Child[]>}
 */
export async function likeness(hit, asked, signal) {
  const { text, region, mix } = route();
  if (mix.length || (!asked && !text)) return [];
  const found = await api.why(hit, asked ?? { text }, region, signal);
  return [maps(found, asked), told(found), inCommon(found)];
}

/** @param {Why} found @param {Picture | null} asked @returns {Child} */
function maps(found, asked) {
  if (!found.hit) return h("p", { class: "hint" }, t("why-no-places"));
  return h(
    "div",
    { class: "heats" },
    asked && found.query && heat(sourceOf(asked), found.query, t("why-query")),
    heat(api.thumbnail(found.id, 512), found.hit, t("why-hit")),
    h("p", { class: "hint" }, t("why-places")),
  );
}

/** @param {Picture} asked */
const sourceOf = ({ id, url, file }) => (file ? URL.createObjectURL(file) : id ? api.thumbnail(id, 512) : api.preview(url ?? "", 512));

/**
 * A picture under its heat map: a drawing of a few pixels, which the browser smooths as it enlarges it.
 *
 * @param {string} source @param {HeatMap} map @param {string} caption
 */
function heat(source, { region, rows }, caption) {
  const canvas = h("canvas", { width: rows[0].length, height: rows.length, "aria-hidden": "true" });
  const drawing = canvas.getContext("2d");
  rows.forEach((row, y) =>
    row.forEach((value, x) => {
      if (!drawing) return;
      drawing.fillStyle = `rgb(0 0 0 / ${DARKEST * (1 - value)})`;
      drawing.fillRect(x, y, 1, 1);
    }),
  );
  const share = (/** @type {number} */ part) => `${part * 100}%`;
  Object.assign(canvas.style, { left: share(region.x), top: share(region.y), width: share(region.w), height: share(region.h) });
  const image = h("img", { alt: "" });
  image.addEventListener("load", () => URL.revokeObjectURL(source));
  image.src = source;
  return h("figure", { class: "heat" }, h("div", {}, image, canvas), h("figcaption", {}, caption));
}

/** @param {Why} found @returns {Child} */
function told({ score: cosine, band, chance }) {
  const words = [
    band && t(`band-${band}`),
    cosine !== null && t("hit-score", { score: score(cosine) }),
    chance !== null && t("chance", { n: percent(chance) }),
  ].filter(Boolean);
  return words.length > 0 && h("p", { class: "matched", title: chance === null ? null : t("chance-explained") }, words.join(" · "));
}

/** @param {Why} found @returns {Child} */
const inCommon = ({ words }) => words.length > 0 && h("p", {}, t("why-words", { words: words.join(t("and")) }));

/**
 * The colours of the hit beside those that are asked for, or those of the picture that is asked with where the library has it.
 *
 * @param {string} hit
 * @param {Picture | null} asked
 * @param {AbortSignal} signal
 * @returns {Promise<Child>}
 */
export async function palettes(hit, asked, signal) {
  const { color, mix } = route();
  const query = mix.length === 0 && asked?.id !== hit ? asked?.id : null;
  if (!color && !query) return null;
  const [found, other] = await Promise.all([hit, query].map((id) => (id ? api.picture(id, signal) : null)));
  const rows = [
    color !== null && row(t("why-colour-asked"), readColours(color)),
    other?.palette && row(t("why-query"), asBar(other.palette.subject)),
    found?.palette && row(t("why-hit"), asBar(found.palette.subject)),
  ].filter((one) => one !== false && one !== null && one !== undefined);
  return found?.palette && rows.length > 1 && h("div", { class: "why-colours" }, h("h3", {}, t("why-colours")), h("dl", { class: "why-palettes" }, ...rows.flat()));
}

/** @param {string} caption @param {{ colour: string, share: number }[]} colours */
const row = (caption, colours) => [h("dt", {}, caption), h("dd", {}, colourBar(colours))];

/** @param {Swatch[]} palette */
const asBar = (palette) => palette.map(({ hex, share }) => ({ colour: hex, share }));

/**
 * How far the hit has the colours that were asked for, as the steps tell.
 *
 * @param {Step[]} steps
 * @returns {Child}
 */
export function byColour(steps) {
  const at = steps.findIndex(({ step }) => step === "colour");
  if (at < 0) return null;
  const before = steps[at - 1]?.score;
  if (before === undefined) return h("p", {}, t("why-colour-has", { n: percent(steps[at].score) }));
  return before > 0 && h("p", {}, t("why-colour-kept", { n: percent(steps[at].score / before) }));
}
