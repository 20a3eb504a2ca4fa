// What is asked: the picture with the region drawn on it, or the words; and what they are mixed with.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { partsOf } from "/console/lib/parts.js";
import { ask, matchWith, show } from "/console/lib/router.js";
import { keptFile } from "/console/lib/store.js";
import { announce, fail, toast } from "/console/widgets/announce.js";
import { colourChip } from "./colours.js";
import { mixturePanel } from "./mixture.js";
import { RegionEditor } from "./region.js";

/** @import { Child } from "/console/lib/dom.js" */
/** @import { Picture, Region, Route } from "/console/lib/types.js" */

/**
 * `onRegion(region or null, done)` follows the drawing.
 *
 * @param {(region: Region | null, done: boolean) => void} onRegion
 */
export function queryPanel(onRegion) {
  const first = h("div", { class: "query-first" });
  const mixture = mixturePanel();
  const colour = colourChip();
  const element = h("section", { class: "query", "aria-label": t("query") }, first, colour.element, mixture.element);
  /** @type {string | null} */
  let shown = null;
  /** @type {ReturnType<typeof regionTools> | null} */
  let editor = null;
  let grown = false; // somebody wants it large
  const grow = button("down", t("query-grow"), () => shrink(false), { class: "quiet round small query-grow" });
  /**
   * On a phone, makes room for the hits; `grow` undoes it.
   *
   * @param {boolean} on
   */
  const shrink = (on) => {
    if (on && (grown || editor?.drawn() || !first.hasChildNodes())) return;
    grown ||= !on && element.classList.contains("shrunk");
    element.classList.toggle("shrunk", on);
  };
  /** @param {Route} route */
  const update = (route) => {
    const key = [route.id, route.url, route.text, route.upload].join("\n");
    element.hidden = !(partsOf(route).length || route.color) || Boolean(route.upload && !keptFile(route.upload));
    if (key !== shown) {
      shown = key;
      grown = false;
      element.classList.remove("shrunk");
      editor = draw(first, route, onRegion);
      first.querySelector(".query-foot")?.prepend(grow);
    }
    editor?.show(route.region);
    colour.set(route.color);
    mixture.update(route);
  };
  first.addEventListener("click", (event) => element.classList.contains("shrunk") && /** @type {Element} */ (event.target).closest(".query-stage") && shrink(false));
  return { element, update, shrink, stop: mixture.stop };
}

/**
 * Draws the first part of the question, and gives { show(region) } where a region can be drawn on it.
 *
 * @param {HTMLElement} element
 * @param {Route} route
 * @param {(region: Region | null, done: boolean) => void} onRegion
 * @returns {ReturnType<typeof regionTools> | null}
 */
function draw(element, route, onRegion) {
  const { id, url, text, upload } = route;
  const file = upload ? keptFile(upload) : null;
  const name = id ?? url ?? file?.file.name;
  if (!name) {
    element.replaceChildren(...(text ? [h("blockquote", { class: "query-words" }, text), foot(null, [])] : []));
    return null;
  }
  const frame = h("div", { class: "query-frame" });
  const image = h("img", { class: "query-picture", alt: t("query-picture", { name }), draggable: "false" });
  const missing = h("p", { class: "query-missing", hidden: true }, t("no-preview"));
  const region = regionTools(frame, id ? { id } : url ? { url } : { file: file?.file }, onRegion);
  image.addEventListener("error", () => {
    frame.hidden = true;
    missing.hidden = false;
    region.tools.forEach((tool) => (tool.hidden = true));
    region.onPicture.forEach((tool) => (tool.hidden = true));
  });
  image.src = id ? api.thumbnail(id, 1024) : url ? api.preview(url) : (file?.url ?? "");
  frame.prepend(image);
  const originals = button("original", t("match-find"), () => matchWith({ id, url, upload }), { class: "outline small", text: true });
  const details = id !== null && button("picture", t("details"), () => show(id), { class: "quiet round small" });
  element.replaceChildren(
    h("div", { class: "query-stage" }, frame, missing),
    foot(name, [details, ...region.tools]),
    h("div", { class: "query-below" }, originals, ...region.onPicture),
  );
  return region;
}

/** @param {string | null} name @param {Child[]} tools */
function foot(name, tools) {
  const close = button("close", t("clear-query"), () => ask({}), { class: "quiet round small" });
  return h("div", { class: "query-foot" }, h("span", { class: "name", title: name }, name && shortName(name)), ...tools, close);
}

/** @param {HTMLElement} frame @param {Picture} picture @param {(region: Region | null, done: boolean) => void} onRegion */
function regionTools(frame, picture, onRegion) {
  const editor = new RegionEditor(frame, (region, done) => {
    mark(region);
    onRegion(region, done);
  });
  const begin = button("crop", t("region-draw"), () => editor.begin(), { class: "quiet round small" });
  const clear = button("crop", t("region-clear"), () => editor.clear(), { class: "quiet small", text: true });
  const find = subjectButton(picture, (region) => frame.isConnected && editor.choose(region));
  const hint = h("p", { class: "hint region-hint" }, t("region-hint"));
  /** @param {Region | null} region */
  const mark = (region) => {
    begin.hidden = Boolean(region);
    clear.hidden = !region;
  };
  /** @param {Region | null} region */
  const show = (region) => {
    if (JSON.stringify(region) !== JSON.stringify(editor.region)) editor.set(region);
    mark(region);
  };
  return { tools: [begin, clear], onPicture: [find, hint], show, drawn: () => Boolean(editor.region) };
}

/**
 * Asks the server where the subject of the picture is.
 *
 * @param {Picture} picture
 * @param {(region: Region) => void} onFound
 */
function subjectButton(picture, onFound) {
  const find = async () => {
    element.disabled = true;
    try {
      const { region, method } = await api.subject(picture);
      element.disabled = false; // before the keyboard moves on
      onFound([region.x, region.y, region.w, region.h]);
      if (method === "centre") toast(t("subject-guessed"));
      else announce(t("subject-found"));
    } catch (error) {
      fail(error);
    } finally {
      element.disabled = false;
    }
  };
  const element = button("subject", t("subject-find"), find, { class: "outline small", text: true });
  return element;
}
