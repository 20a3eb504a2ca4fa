// One picture: large, with everything that the library knows of it, and what can be done with it.
import * as api from "/console/lib/api.js";
import { fail, toast } from "./announce.js";
import { attributeForm, valueText } from "./attributes.js";
import { addToComparison, openComparison } from "./compare.js";
import { confirmed, openDialog } from "./dialog.js";
import { $, button, h, icon } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { likeButtons } from "./like.js";
import { alignmentWords, explanationTable } from "./explanation.js";
import { outline, outlineOf } from "./outline.js";
import { partsOf } from "/console/lib/parts.js";
import { ask, closeShown, matchWith, route, show } from "/console/lib/router.js";
import { failure } from "./states.js";
import { keptFile, loadLibrary, may, store } from "/console/lib/store.js";
import { hasChance, said } from "./tile.js";

let open = null; // { id, dialog, page, calls, matched }

/** Opens, changes or closes the window so that it shows the picture `id`, or none. `page` has ids() and removed(id). */
export function showDetail(id, page) {
  if (open?.id === id) return;
  if (!id) {
    const { dialog } = open ?? {};
    open = null;
    dialog?.close();
    return;
  }
  if (!open) {
    const dialog = openDialog("detail", t("details"), [], { onClose: () => open?.dialog === dialog && ((open = null), closeShown()) });
    dialog.addEventListener("keydown", (event) => onKey(event, page));
    open = { dialog };
  }
  open.calls?.abort();
  Object.assign(open, { id, page, calls: new AbortController() });
  draw();
}

/** Draws what is known of the open picture as a hit: its score, its chance and the part that matches. */
export function hitsChanged() {
  const hit = open && hitOf(open);
  if (!open?.matched) return;
  open.why.hidden = !hit || !open.page.explain;
  open.matched.replaceChildren(...(hit ? matched(hit) : []));
  $(".outline-of-part", open.dialog)?.remove();
  const image = $(".stage-picture", open.dialog);
  if (hit && outlineOf(hit)) image.after(outline(image, outlineOf(hit), "scale-down"));
}

const hitOf = ({ page, id }) => page.hit?.(id);

function matched(hit) {
  const words = h("p", { class: "matched" }, said(hit).join(" · "));
  return [
    words,
    hit.alignment && h("p", { class: "hint aligned" }, alignmentWords(hit.alignment).join(" · ")),
    hasChance(hit) && h("p", { class: "hint" }, t("chance-explained")),
  ].filter(Boolean);
}

function onKey(event, page) {
  if (event.target.closest("input, textarea, select") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") step(page, -1);
  if (event.key === "ArrowRight") step(page, 1);
}

function neighbour(page, by) {
  const ids = page.ids();
  const at = ids.indexOf(open.id);
  return at < 0 ? undefined : ids[at + by];
}

function step(page, by) {
  const next = neighbour(page, by);
  if (next !== undefined) show(next);
}

async function draw() {
  const { dialog, id, page, calls } = open;
  open.matched = h("div", { class: "matched-place" });
  open.why = explanation(open);
  const here = { ...open }; // by the time the server answers, this may be closed, or open for another picture
  const facts = h("div", { class: "facts" }, h("h2", { class: "facts-title" }, id), h("div", { class: "facts-wait" }));
  const turn = (by, shape, key) =>
    button(shape, t(key), () => step(page, by), { class: `quiet round turn ${shape}`, hidden: neighbour(page, by) === undefined });
  const stage = h("div", { class: "stage" }, picture(id), turn(-1, "left", "previous"), turn(1, "right", "next"));
  replaceContent(dialog, [stage, facts]);
  hitsChanged();
  try {
    const found = await api.picture(id, calls.signal);
    if (!calls.signal.aborted) drawFacts(facts, found, here);
  } catch (error) {
    if (!calls.signal.aborted) facts.replaceChildren(failure(error, draw));
  }
}

/** New content under the close button, with the keyboard left on the same button as before, or on one that is there. */
function replaceContent(dialog, content) {
  const way = ["left", "right"].find((one) => document.activeElement.matches(`.turn.${one}`));
  const close = dialog.querySelector(".dialog-close");
  while (close.nextSibling) close.nextSibling.remove();
  dialog.append(...content);
  if (dialog.contains(document.activeElement)) return;
  const same = way && $(`.turn.${way}`, dialog);
  (same && !same.hidden ? same : close).focus();
}

function picture(id) {
  const image = h("img", { alt: t("picture-of", { name: id }), class: "stage-picture" });
  const gone = h("p", { class: "query-missing", hidden: true }, t("no-preview"));
  image.addEventListener("error", () => {
    image.hidden = true;
    gone.hidden = false;
  });
  image.src = api.thumbnail(id, 1024);
  return h("div", { class: "stage-frame" }, image, gone);
}

function drawFacts(facts, found, here) {
  const again = (changed) => drawFacts(facts, changed, here);
  const size = `${number(found.width)} × ${number(found.height)}`;
  facts.replaceChildren(
    h("h2", { class: "facts-title" }, found.id),
    h("p", { class: "hint" }, size),
    here.matched,
    actions(found, hitOf(here)),
    here.why,
    attributes(found, again),
    quality(found),
    fingerprints(found),
    source(found),
    may("write") ? button("trash", t("delete"), () => removePicture(found.id), { text: true, kind: "danger quiet-danger" }) : "",
  );
}

function actions(found, hit) {
  const asked = queryOf(route());
  const compare = () => openComparison(asked, { id: found.id });
  const withQuery = asked && asked.id !== found.id && button("compare", t("compare-query"), compare, { text: true, kind: "outline" });
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

/** "Why this hit?": asks the same question again, for the steps behind the score. */
function explanation({ page, id, calls }) {
  const place = h("div", { class: "explanation", "aria-live": "polite" });
  const load = async () => {
    place.replaceChildren(h("div", { class: "facts-wait" }));
    try {
      const steps = await page.explain(id, calls.signal);
      place.replaceChildren(steps?.length ? explanationTable(steps) : h("p", { class: "hint" }, t("why-nothing")));
    } catch (error) {
      if (!calls.signal.aborted) place.replaceChildren(failure(error, load));
    }
  };
  const element = h("details", { class: "why" }, h("summary", {}, t("why")), place);
  element.addEventListener("toggle", () => element.open && !place.hasChildNodes() && load());
  return element;
}

/** The question as a side of a comparison; words have no picture. */
export function queryOf({ id, url, upload }) {
  if (upload) return keptFile(upload) && { file: keptFile(upload).file };
  return id ? { id } : url && { url };
}

function section(title, ...content) {
  return h("section", {}, h("h3", {}, title), ...content);
}

function table(rows) {
  const row = ([name, ...value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, ...value));
  return h("table", { class: "table" }, h("tbody", {}, ...rows.map(row)));
}

function attributes(found, again) {
  const rows = Object.entries(found.attributes).map(([name, value]) => [name, valueText(value)]);
  const shown = rows.length ? table(rows) : h("p", { class: "hint" }, t("no-attributes"));
  const place = section(t("attributes"), shown);
  if (!may("write")) return place;
  const edit = button("edit", t("edit"), () => editAttributes(place, found, again), { text: true, kind: "quiet" });
  place.append(edit);
  return place;
}

function editAttributes(place, found, again) {
  const form = attributeForm(store.attributes, found.attributes);
  const problem = h("p", { class: "problem", role: "alert" });
  const save = async (event) => {
    event.preventDefault();
    try {
      again(await api.setAttributes(found.id, form.read()));
      toast(t("saved"));
      loadLibrary().catch(() => {}); // only the values that filters offer
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  const buttons = h("div", { class: "actions" }, h("button", { class: "solid" }, t("save")), button("", t("cancel"), () => again(found), { text: true, kind: "outline" }));
  place.replaceChildren(h("h3", {}, t("attributes")), h("form", { class: "edit", onsubmit: save }, form.element, problem, buttons));
  form.element.querySelector("input, select, textarea")?.focus();
}

function quality(found) {
  const words = found.problems.length
    ? h("ul", { class: "problems" }, ...found.problems.map((name) => h("li", {}, icon("warning"), h("span", {}, t(`problem-${name}`)))))
    : h("p", { class: "fine" }, icon("check"), h("span", {}, t("quality-fine")));
  const measures = Object.entries(found.quality).map(([name, value]) => [t(`measure-${name}`), number(value, 2)]);
  return section(t("quality"), words, h("details", {}, h("summary", {}, t("measures")), table(measures)));
}

function fingerprints(found) {
  const copy = async (value) => {
    try {
      await navigator.clipboard.writeText(value);
      toast(t("copied"));
    } catch {
      toast(t("copy-failed"), { failure: true }); // browsers allow it on https and localhost only
    }
  };
  const rows = [["pHash", found.phash], ["PDQ", found.pdq], ["SHA-256", found.sha256]].map(([name, value]) => [
    name,
    h(
      "span",
      { class: "copyable" },
      h("code", {}, value),
      button("copy", t("copy-named", { name }), () => copy(value), { class: "quiet round small" }),
    ),
  ]);
  return section(t("fingerprints"), table(rows));
}

function source(found) {
  if (!found.uri) return "";
  const web = /^https?:\/\//i.test(found.uri);
  const text = web ? h("a", { href: found.uri, target: "_blank", rel: "noopener noreferrer" }, found.uri) : found.uri;
  return section(t("source"), h("p", { class: "source" }, text));
}

async function removePicture(id) {
  const { page } = open;
  if (!(await confirmed(t("delete-title"), t("delete-sure", { name: id }), t("delete")))) return;
  try {
    await api.remove(id);
    page.removed(id);
    closeShown();
    toast(t("deleted"));
    await loadLibrary();
  } catch (error) {
    fail(error);
  }
}
