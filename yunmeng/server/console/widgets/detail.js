// One picture: large, with everything that the library knows of it, and what can be done with it.
import * as api from "/console/lib/api.js";
import { $, button, fill, focused, h, icon } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { partsOf } from "/console/lib/parts.js";
import { ask, closeShown, matchWith, route, show } from "/console/lib/router.js";
import { keptFile, loadLibrary, may } from "/console/lib/store.js";
import { fail, toast } from "./announce.js";
import { paletteOf } from "./colours/palette.js";
import { addToComparison, openComparison } from "./compare.js";
import { confirmed, openDialog } from "./dialog.js";
import { alignmentWords, explanationTable } from "./explanation.js";
import { attributesOf } from "./inplace.js";
import { likeButtons } from "./like.js";
import { outline, outlineOf } from "./outline.js";
import { failure } from "./states.js";
import { idAsTitle, showCurrent, stage, strip } from "./stage.js";
import { hasChance, said } from "./tile.js";
import { byColour, likeness, palettes } from "./why.js";

/** @import { Child } from "/console/lib/dom.js" */
/** @import { Page, Picture, PictureFacts, Route, Shown } from "/console/lib/types.js" */

/**
 * @typedef {object} Open
 * @property {string} id
 * @property {Page} page
 * @property {HTMLDialogElement} dialog
 * @property {AbortController} calls
 * @property {HTMLElement} matched Where it is said what is known of the picture as a hit.
 * @property {HTMLElement} why
 */

/** @type {Open | null} */
let open = null;

/**
 * Opens, changes or closes the window so that it shows the picture `id`, or none. `page` has ids() and removed(id).
 *
 * @param {string | null} id
 * @param {Page | null} [page]
 */
export function showDetail(id, page) {
  if (open?.id === id) return;
  if (!id || !page) {
    const before = open;
    open = null;
    before?.dialog.close();
    if (before) before.page.focusOn?.(before.id);
    return;
  }
  open?.calls.abort();
  const calls = new AbortController();
  const dialog = open?.dialog ?? newDialog(page);
  open = { id, page, dialog, calls, matched: h("div", { class: "matched-place" }), why: explanation(id, page, calls.signal) };
  draw(open);
}

/** @param {Page} page */
function newDialog(page) {
  const onClose = () => {
    if (open?.dialog !== dialog) return;
    const { id } = open;
    open = null;
    closeShown();
    page.focusOn?.(id);
  };
  const dialog = openDialog("detail", t("details"), [], { onClose, inAddress: true });
  dialog.addEventListener("keydown", (event) => onKey(event, page));
  return dialog;
}

/** Draws what is known of the open picture as a hit: its score and the part that matches, or its chance. */
export function hitsChanged() {
  if (!open) return;
  const hit = hitOf(open);
  open.why.hidden = !hit || !open.page.explain;
  fill(open.matched, hit ? matched(hit) : []);
  $(".outline-of-part", open.dialog)?.remove();
  const image = $(".stage-picture", open.dialog);
  const part = hit && outlineOf(hit);
  if (part) image.after(outline(image, part, "scale-down"));
  drawBeside(open);
}

/** Draws where one can go on to, which is known once the hits are there. @param {Open} shown */
function drawBeside({ dialog, page, id }) {
  for (const [way, by] of /** @type {[string, number][]} */ ([["left", -1], ["right", 1]])) {
    const turn = $(`.turn.${way}`, dialog);
    if (turn) turn.hidden = neighbour(page, by) === undefined;
  }
  const side = $(".stage-side", dialog);
  const beside = side && !$(".strip", side) && strip(page.ids?.() ?? [], id);
  if (!beside) return;
  side.append(beside);
  showCurrent(dialog);
}

/** @param {Open} shown @returns {Shown | undefined} */
const hitOf = ({ page, id }) => page.hit?.(id);

/** @param {Shown} hit */
function matched(hit) {
  const words = h("p", { class: "matched" }, said(hit).join(" · "));
  return [
    words,
    hit.alignment && h("p", { class: "hint aligned" }, alignmentWords(hit.alignment).join(" · ")),
    hasChance(hit) && hit.score === undefined && h("p", { class: "hint" }, t("chance-explained")),
  ];
}

/** @param {KeyboardEvent} event @param {Page} page */
function onKey(event, page) {
  if (event.defaultPrevented || /** @type {HTMLElement} */ (event.target).closest("input, textarea, select") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") step(page, -1);
  if (event.key === "ArrowRight") step(page, 1);
}

/** @param {Page} page @param {number} by */
function neighbour(page, by) {
  const ids = page.ids?.() ?? [];
  const at = ids.indexOf(open?.id ?? "");
  return at < 0 ? undefined : ids[at + by];
}

/** @param {Page} page @param {number} by */
function step(page, by) {
  const next = neighbour(page, by);
  if (next !== undefined) show(next);
}

/** @param {Open} here By the time the server answers, it may be closed, or another picture be open. */
async function draw(here) {
  const { dialog, id, page, calls } = here;
  const facts = h("div", { class: "facts" }, ...idAsTitle(id), h("div", { class: "facts-wait" }));
  /** @param {number} by @param {"left" | "right"} shape @param {string} key */
  const turn = (by, shape, key) =>
    button(shape, t(key), () => step(page, by), { class: `quiet round turn ${shape}`, hidden: neighbour(page, by) === undefined });
  const pictured = stage(id, (by) => step(page, by));
  pictured.append(turn(-1, "left", "previous"), turn(1, "right", "next"));
  replaceContent(dialog, [h("div", { class: "stage-side" }, pictured), facts]);
  hitsChanged();
  try {
    const found = await api.picture(id, calls.signal);
    if (!calls.signal.aborted) drawFacts(facts, found, here);
  } catch (error) {
    if (!calls.signal.aborted) facts.replaceChildren(failure(error, () => draw(here)));
  }
}

/**
 * New content under the close button, with the keyboard left on the same button as before, or on one that is there.
 *
 * @param {HTMLElement} dialog
 * @param {HTMLElement[]} content
 */
function replaceContent(dialog, content) {
  const way = ["left", "right"].find((one) => focused().matches(`.turn.${one}`));
  const close = $(".dialog-close", dialog);
  while (close.nextSibling) close.nextSibling.remove();
  dialog.append(...content);
  if (dialog.contains(document.activeElement)) return;
  const same = way && $(`.turn.${way}`, dialog);
  (same && !same.hidden ? same : close).focus();
}

/** @param {HTMLElement} facts @param {PictureFacts} found @param {Open} here */
function drawFacts(facts, found, here) {
  /** @param {PictureFacts} changed */
  const again = (changed) => drawFacts(facts, changed, here);
  const size = `${number(found.width)} × ${number(found.height)}`;
  fill(
    facts,
    ...idAsTitle(found.id),
    h("p", { class: "hint" }, size),
    here.matched,
    actions(found, hitOf(here)),
    here.why,
    paletteOf(found),
    attributesOf(found, again),
    quality(found),
    fingerprints(found),
    source(found),
    may("write") ? button("trash", t("delete"), () => removePicture(found.id), { text: true, kind: "danger quiet-danger" }) : "",
  );
}

/** @param {PictureFacts} found @param {Shown | undefined} hit */
function actions(found, hit) {
  const asked = queryOf(route());
  const withQuery = asked !== null && asked.id !== found.id && button("compare", t("compare-query"), () => openComparison(asked, { id: found.id }), { text: true, kind: "outline" });
  return h(
    "div",
    { class: "actions" },
    button("search", t("search-with-this"), () => ask({ id: found.id }), { text: true, kind: "solid" }),
    partsOf(route()).length > 0 && likeButtons({ id: found.id, region: hit?.region }, { text: true, kind: "outline" }),
    button("original", t("match-find"), () => matchWith({ id: found.id }), { text: true, kind: "outline" }),
    button("compare", t("compare-with"), () => (addToComparison({ id: found.id }), closeShown()), { text: true, kind: "outline" }),
    withQuery,
    h("a", { class: "outline", href: api.original(found.id), target: "_blank", rel: "noopener" }, icon("open"), h("span", {}, t("original"))),
  );
}

/**
 * "Why this hit?": what is alike, and the steps behind the score, for which the same question is asked again.
 *
 * @param {string} id
 * @param {Page} page
 * @param {AbortSignal} signal
 */
function explanation(id, page, signal) {
  const place = h("div", { class: "explanation", "aria-live": "polite" });
  const load = async () => {
    place.replaceChildren(h("div", { class: "facts-wait" }));
    try {
      const asked = queryOf(route());
      const [alike, steps, colours] = await Promise.all([likeness(id, asked, signal), page.explain?.(id, signal), palettes(id, asked, signal)]);
      const table = steps?.length ? [h("h3", {}, t("why-steps")), explanationTable(steps)] : [h("p", { class: "hint" }, t("why-nothing"))];
      fill(place, ...alike, colours, byColour(steps ?? []), ...table);
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failure(error, load));
    }
  };
  const element = h("details", { class: "why" }, h("summary", {}, t("why")), place);
  element.addEventListener("toggle", () => element.open && !place.hasChildNodes() && load());
  return element;
}

/**
 * The question as a side of a comparison; words have no picture.
 *
 * @param {Pick<Route, "id" | "url" | "upload">} route
 * @returns {Picture | null}
 */
export function queryOf({ id, url, upload }) {
  const kept = upload && keptFile(upload);
  if (upload) return kept ? { file: kept.file } : null;
  return id ? { id } : url ? { url } : null;
}

/** @param {string} name @param {(Child | Child[])[]} content */
function section(name, ...content) {
  return h("section", {}, h("h3", { "aria-level": 2 }, name), ...content);
}

/** @param {[string, ...Child[]][]} rows */
function table(rows) {
  /** @param {[string, ...Child[]]} cells */
  const row = ([name, ...value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, ...value));
  return h("table", { class: "table" }, h("tbody", {}, ...rows.map(row)));
}

/** @param {PictureFacts} found */
function quality(found) {
  const words = found.problems.length
    ? h("ul", { class: "problems" }, ...found.problems.map((name) => h("li", {}, icon("warning"), h("span", {}, t(`problem-${name}`)))))
    : h("p", { class: "fine" }, icon("check"), h("span", {}, t("quality-fine")));
  const measures = table(Object.entries(found.quality).map(([name, value]) => [t(`measure-${name}`), number(value, 2)]));
  return section(t("quality"), words, h("details", {}, h("summary", {}, t("measures")), measures));
}

/** @param {PictureFacts} found */
function fingerprints(found) {
  /** @param {string} value */
  const copy = async (value) => {
    try {
      await navigator.clipboard.writeText(value);
      toast(t("copied"));
    } catch {
      toast(t("copy-failed"), { failure: true }); // browsers allow it on https and localhost only
    }
  };
  /** @type {(name: string, value: string) => [string, HTMLElement]} */
  const row = (name, value) => {
    const press = button("copy", t("copy-named", { name }), () => copy(value), { class: "quiet round small" });
    return [name, h("span", { class: "copyable" }, h("code", {}, value), press)];
  };
  return section(t("fingerprints"), table([row("pHash", found.phash), row("PDQ", found.pdq), row("SHA-256", found.sha256)]));
}

/** @param {PictureFacts} found */
function source(found) {
  if (!found.uri) return "";
  const web = /^https?:\/\//i.test(found.uri);
  const text = web ? h("a", { href: found.uri, target: "_blank", rel: "noopener noreferrer" }, found.uri) : found.uri;
  return section(t("source"), h("p", { class: "source" }, text));
}

/** @param {string} id */
async function removePicture(id) {
  const page = open?.page;
  if (!(await confirmed(t("delete-title"), t("delete-sure", { name: id }), t("delete")))) return;
  try {
    await api.remove(id);
    page?.removed?.(id);
    closeShown();
    toast(t("deleted"));
    await loadLibrary();
  } catch (error) {
    fail(error);
  }
}
