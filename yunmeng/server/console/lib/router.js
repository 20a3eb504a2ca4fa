// The address says what is shown: page, question, filter, cut-off, open picture. All in the fragment, which no log keeps.
import { readPart, readRegion, readWeight, spell, spellRegion } from "./parts.js";

const TEXTS = ["id", "url", "text", "upload", "filter", "show", "metric", "group"];
const PAGES = ["library", "duplicates", "match"]; // beside the search, which the bare address shows
const STEP = /^[a-z][a-z-]*$/;

/** The route in the address bar. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const values = new URLSearchParams(query);
  const found = { page: PAGES.includes(path) ? path : "search" };
  for (const name of TEXTS) found[name] = values.get(name) || null;
  found.min = readNumber(values.get("min"), -1, 1);
  found.chance = readNumber(values.get("chance"), 0, 1);
  found.region = readRegion(values.get("region"));
  found.weight = readWeight(values.get("weight")) ?? 1;
  found.mix = values.getAll("mix").map(readPart).filter(Boolean);
  found.regions = values.has("regions");
  found.rerank = [...new Set((values.get("rerank") ?? "").split(",").filter((name) => STEP.test(name)))];
  found.decided = values.has("decided");
  return found;
}

function readNumber(text, least, most) {
  const value = text ? Number(text) : NaN;
  return value >= least && value <= most ? value : null;
}

/** The fragment that says `wanted`, for links. */
export function href(wanted) {
  const values = new URLSearchParams();
  for (const name of TEXTS) if (wanted[name]) values.set(name, wanted[name]);
  for (const name of ["min", "chance"]) if (typeof wanted[name] === "number") values.set(name, wanted[name]);
  if (wanted.region) values.set("region", spellRegion(wanted.region));
  if (typeof wanted.weight === "number" && wanted.weight !== 1) values.set("weight", wanted.weight);
  for (const part of wanted.mix ?? []) values.append("mix", spell(part));
  for (const name of ["regions", "decided"]) if (wanted[name]) values.set(name, 1);
  if (wanted.rerank?.length) values.set("rerank", wanted.rerank.join(","));
  const query = values.toString();
  return `#/${PAGES.includes(wanted.page) ? wanted.page : ""}${query ? `?${query}` : ""}`;
}

/** Changes the route; `replace` where Back should not come through here again. */
export function go(changes, { replace = false } = {}) {
  const target = href({ ...route(), ...changes });
  if (target === href(route())) return;
  if (replace) history.replaceState(history.state, "", target);
  else history.pushState(null, "", target);
  window.dispatchEvent(new Event("route"));
}

const NOTHING = { id: null, url: null, text: null, upload: null, region: null, weight: 1, mix: [], show: null, decided: false };

/** Asks a new question, such as { id } or { upload }; filter and cut-off stay. */
export const ask = (question, options) => go({ page: "search", ...NOTHING, ...question }, options);

/** Closes the open picture: a step back if it was opened from here, so that Back does not open it again. */
export function closeShown() {
  if (history.state?.opened) history.back();
  else go({ show: null }, { replace: true });
}

/** Opens a picture's detail; moving on from one picture to the next makes no new step. */
export function show(id) {
  if (route().show) return go({ show: id }, { replace: true });
  history.pushState({ opened: true }, "", href({ ...route(), show: id }));
  return window.dispatchEvent(new Event("route"));
}

window.addEventListener("popstate", () => window.dispatchEvent(new Event("route")));
