// The address says what is shown: page, question, filter, cut-off, open picture. All in the fragment, which no log keeps.

const TEXTS = ["id", "url", "text", "upload", "filter", "show"];

/** The route in the address bar. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const values = new URLSearchParams(query);
  const found = { page: path === "library" ? "library" : "search" };
  for (const name of TEXTS) found[name] = values.get(name) || null;
  found.min = readScore(values.get("min"));
  found.region = readRegion(values.get("region"));
  return found;
}

function readScore(text) {
  const score = text === null ? NaN : Number(text);
  return score >= -1 && score <= 1 ? score : null;
}

function readRegion(text) {
  const parts = (text ?? "").split(",").map(Number);
  const [x, y, w, h] = parts;
  const inside = parts.length === 4 && x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 1.000001 && y + h <= 1.000001;
  return inside ? parts : null;
}

/** The fragment that says `wanted`, for links. */
export function href(wanted) {
  const values = new URLSearchParams();
  for (const name of TEXTS) if (wanted[name]) values.set(name, wanted[name]);
  if (wanted.min !== null && wanted.min !== undefined) values.set("min", wanted.min);
  if (wanted.region) values.set("region", wanted.region.map((part) => Number(part.toFixed(4))).join(","));
  const query = values.toString();
  return `#/${wanted.page === "library" ? "library" : ""}${query ? `?${query}` : ""}`;
}

/** Changes the route; `replace` where Back should not come through here again. */
export function go(changes, { replace = false } = {}) {
  const target = href({ ...route(), ...changes });
  if (target === href(route())) return;
  if (replace) history.replaceState(history.state, "", target);
  else history.pushState(null, "", target);
  window.dispatchEvent(new Event("route"));
}

const NOTHING = { id: null, url: null, text: null, upload: null, region: null, show: null };

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
