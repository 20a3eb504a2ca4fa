// The address says what is shown: page, question, filter, cut-off, open picture. All in the fragment, which no log keeps.
import { afterBack, back, closeLayers } from "./layers.js";
import { readOptions } from "./options.js";
import { readPart, readRegion, readWeight, spell, spellRegion } from "./parts.js";

/** @import { Route } from "./types.js" */

/** @type {("id" | "url" | "text" | "upload" | "filter" | "folder" | "show" | "view" | "metric" | "group" | "color")[]} */
const TEXTS = ["id", "url", "text", "upload", "filter", "folder", "show", "view", "metric", "group", "color"];
const PAGES = new Set(["library", "match"]); // beside the search, which the bare address shows
const STEP = /^[a-z][a-z-]*$/;

/**
 * Lets the address name the page of an application.
 *
 * @param {string} name
 */
export const addPage = (name) => PAGES.add(name);

/**
 * The route in the address bar.
 *
 * @returns {Route}
 */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const values = new URLSearchParams(query);
  const text = (/** @type {string} */ name) => values.get(name) || null;
  return {
    page: PAGES.has(path) ? path : "search",
    id: text("id"),
    url: text("url"),
    text: text("text"),
    upload: text("upload"),
    color: text("color"),
    filter: text("filter"),
    folder: text("folder"),
    show: text("show"),
    view: text("view"),
    metric: text("metric"),
    group: text("group"),
    min: readNumber(values.get("min"), -1, 1),
    chance: readNumber(values.get("chance"), 0, 1),
    region: readRegion(values.get("region")),
    weight: readWeight(values.get("weight")) ?? 1,
    mix: values.getAll("mix").map(readPart).filter((part) => part !== null),
    options: readOptions(values),
    rerank: [...new Set((values.get("rerank") ?? "").split(",").filter((name) => STEP.test(name)))],
  };
}

/** @param {string | null} text @param {number} least @param {number} most */
function readNumber(text, least, most) {
  const value = text ? Number(text) : NaN;
  return value >= least && value <= most ? value : null;
}

/**
 * The fragment that says `wanted`, for links.
 *
 * @param {Partial<Route>} wanted
 */
export function href(wanted) {
  const values = new URLSearchParams();
  const put = (/** @type {string} */ name, /** @type {string | number} */ value) => values.set(name, String(value));
  for (const name of TEXTS) if (wanted[name]) put(name, wanted[name]);
  if (typeof wanted.min === "number") put("min", wanted.min);
  if (typeof wanted.chance === "number") put("chance", wanted.chance);
  if (wanted.region) put("region", spellRegion(wanted.region));
  if (typeof wanted.weight === "number" && wanted.weight !== 1) put("weight", wanted.weight);
  for (const part of wanted.mix ?? []) values.append("mix", spell(part));
  for (const [name, value] of Object.entries(wanted.options ?? {})) put(name, Number(value));
  if (wanted.rerank?.length) put("rerank", wanted.rerank.join(","));
  const query = values.toString();
  return `#/${wanted.page && PAGES.has(wanted.page) ? wanted.page : ""}${query ? `?${query}` : ""}`;
}

/**
 * Changes the route; `replace` where Back should not come through here again.
 *
 * @param {Partial<Route>} changes
 */
export function go(changes, { replace = false } = {}) {
  if (!replace) closeLayers();
  afterBack(() => {
    const target = href({ ...route(), ...changes });
    if (target === href(route())) return;
    if (replace) history.replaceState(history.state, "", target);
    else push({}, target);
    shown = location.hash;
    window.dispatchEvent(new Event("route"));
  });
}

let shown = location.hash; // the last address that was shown
let entries = Date.now(); // differs from what a page before a reload has counted
let entry = entryNow();

/** What tells the steps of the history apart. */
function entryNow() {
  if (!history.state?.entry) history.replaceState({ ...history.state, entry: (entries += 1) }, "");
  return /** @type {number} */ (history.state.entry);
}

/** @param {object} state @param {string} target */
function push(state, target) {
  window.dispatchEvent(new CustomEvent("leave", { detail: entry }));
  history.pushState({ ...state, entry: (entries += 1) }, "", target);
  entry = entryNow();
}

/** @type {Partial<Route>} */
const NOTHING = { id: null, url: null, text: null, upload: null, color: null, folder: null, region: null, weight: 1, mix: [], show: null, view: null };

/**
 * Asks a new question, such as { id } or { upload }; filter and cut-off stay.
 *
 * @param {Partial<Route>} question
 * @param {{ replace?: boolean }} [options]
 */
export const ask = (question, options) => go({ page: "search", ...NOTHING, ...question }, options);

/**
 * Looks for the originals of { id }, { url } or { upload }, in the whole library: the filter of a search does not apply.
 *
 * @param {Partial<Route>} picture
 */
export const matchWith = (picture) => go({ ...NOTHING, filter: null, page: "match", ...picture });

/** Closes the open picture: a step back if it was opened from here, so that Back does not open it again. */
export function closeShown() {
  afterBack(() => {
    if (history.state?.opened) back();
    else go({ show: null }, { replace: true });
  });
}

/**
 * Opens a picture's detail; moving on from one picture to the next makes no new step.
 *
 * @param {string} id
 */
export function show(id) {
  if (route().show) return go({ show: id }, { replace: true });
  return afterBack(() => {
    push({ opened: true }, href({ ...route(), show: id }));
    shown = location.hash;
    window.dispatchEvent(new Event("route"));
  });
}

window.addEventListener("popstate", () => {
  const before = entry;
  entry = entryNow();
  if (entry === before) {
    // Something over the page was closed; what was changed in it stays.
    if (location.hash !== shown) history.replaceState(history.state, "", shown);
    return;
  }
  shown = location.hash;
  window.dispatchEvent(new CustomEvent("leave", { detail: before }));
  window.dispatchEvent(new CustomEvent("route", { detail: entry }));
});
