// Why a hit is where it is, and what was done to a picture, in words.
import { h } from "/console/lib/dom.js";
import { number, score } from "/console/lib/format.js";
import { has, language, t } from "/console/lib/i18n.js";

/** @import { Alignment, Edit, Step } from "/console/lib/types.js" */

/**
 * How a query lies in a hit by its features, in words; or, `compared`, the left picture in the right one.
 *
 * @param {Alignment} alignment
 * @param {{ compared?: boolean }} options
 */
export function alignmentWords({ inliers, mirrored, query_overlap: shown, target_overlap: covered }, { compared = false } = {}) {
  return [
    inliers > 0 && t("aligned-points", { n: number(inliers) }), // none where the whole frames fit on each other
    t(compared ? "compared-covers" : "aligned-covers", { n: share(covered) }),
    t(compared ? "compared-shows" : "aligned-shows", { n: share(shown) }),
    mirrored && t("aligned-mirrored"),
  ].filter((word) => word !== false);
}

/** @param {number} part */
const share = (part) => number(part * 100);

/**
 * The steps as rows: what each one does, the score that it left, and the rank with what it made of it.
 *
 * @param {Step[]} steps
 */
export function explanationTable(steps) {
  const scores = steps.map((step) => Math.abs(step.score));
  const most = Math.max(1, ...scores); // most steps score up to 1
  /** @param {Step} step @param {number} at */
  const row = (step, at) => {
    const fill = h("span", { class: "meter-fill" });
    fill.style.width = `${(Math.max(0, step.score) / most) * 100}%`;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, wordOf(step.step), hintOf(step.step)),
      h("td", {}, h("strong", {}, score(step.score)), h("span", { class: "meter", "aria-hidden": "true" }, fill)),
      h("td", {}, rank(step.rank, steps[at - 1]?.rank)),
    );
  };
  return h(
    "table",
    { class: "table explained" },
    h("thead", {}, h("tr", {}, ...["step", "score", "rank"].map((key) => h("th", { scope: "col" }, t(key))))),
    h("tbody", {}, ...steps.map(row)),
  );
}

/** @param {string} step */
const wordOf = (step) => (has(`step-${step}`) ? t(`step-${step}`) : has(`metric-${step}`) ? t(`metric-${step}`) : step);

/** @param {string} step */
function hintOf(step) {
  return has(`step-${step}-hint`) ? h("span", { class: "hint" }, t(`step-${step}-hint`)) : null;
}

/** @param {number} now @param {number | undefined} before */
function rank(now, before) {
  const moved = before === undefined ? 0 : before - now;
  const words = moved ? t(moved > 0 ? "rank-up" : "rank-down", { n: number(Math.abs(moved)) }) : "";
  const arrow = moved !== 0 && h("span", { class: moved > 0 ? "rose" : "fell", role: "img", "aria-label": words, title: words }, `${moved > 0 ? "↑" : "↓"}${number(Math.abs(moved))}`);
  return h("span", { class: "rank" }, number(now), arrow);
}

const SHARES = ["crop", "inset", "overlay", "scale"];

/**
 * The server tells it at length in English; in Chinese it is told here, with the amount that docs/copies.md explains.
 *
 * @param {Edit} edit
 */
export function editWords({ name, amount, detail }) {
  if (language() === "en" || !has(`edit-${name}`)) return detail.replace(/^./, (letter) => letter.toUpperCase());
  const back = name === "rotation" && Number(amount) < 0;
  return t(back ? "edit-rotation-back" : `edit-${name}`, { n: amountText(name, amount ?? 0) });
}

/** @param {string} name @param {number} amount */
function amountText(name, amount) {
  if (name === "rotation") return `${number(Math.abs(amount))}°`;
  return SHARES.includes(name) ? t("percent", { n: number(amount * 100) }) : number(amount, 2);
}
