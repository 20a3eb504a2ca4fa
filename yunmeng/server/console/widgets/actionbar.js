// What can be done with the pictures that are chosen: a bar at the foot of the page, while there are such.
import * as api from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { openLayer } from "/console/lib/layers.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { partsOf } from "/console/lib/parts.js";
import { ask, matchWith, route } from "/console/lib/router.js";
import { loadLibrary, may, store } from "/console/lib/store.js";
import { announce, fail, toast } from "./announce.js";
import { setAttributes, tagPictures } from "./bulk.js";
import { openComparison } from "./compare.js";
import { confirmed } from "./dialog.js";
import { download, exportCsv } from "./download.js";
import { likeButtons } from "./like.js";
import { Selection } from "./selection.js";

/** @import { Feed } from "/console/lib/feed.js" */
/** @import { Grid } from "./grid.js" */
/** @import { Shown } from "/console/lib/types.js" */

const AT_ONCE = 5000; // pictures in one request

/**
 * The pictures that are chosen in a page, and the bar for them. `parts()` gives the grid and the feed that it shows.
 *
 * @param {() => { grid: Grid<Shown>, feed: Feed<any> }} parts
 */
export function chosenPictures(parts) {
  const element = h("div", { class: "action-bar", role: "toolbar", "aria-label": t("with-selected"), hidden: true });
  let leave = () => {};
  /** @type {Selection<Shown>} */
  const selection = new Selection(() => {
    const { size } = selection;
    if (size && element.hidden) leave = openLayer(() => selection.clear());
    if (!size && !element.hidden) {
      if (element.contains(document.activeElement)) parts().grid.focus();
      leave();
    }
    element.hidden = !size;
    parts().grid.mark();
    draw();
    if (size) announce(t("selected", { n: number(size) }));
  });
  const draw = () => {
    if (!selection.size) return element.replaceChildren();
    const now = focusedAt(element);
    const { items } = parts().grid;
    const all = items.length > selection.size && button("", t("select-all", { n: number(items.length) }), () => selection.add(items), { text: true });
    const count = h("strong", { class: "action-count" }, t("selected", { n: number(selection.size) }));
    fill(element, button("close", t("select-none"), () => selection.clear()), count, all, h("div", { class: "action-buttons" }, ...actions(selection, parts)));
    if (now) /** @type {HTMLElement | undefined} */ (element.querySelectorAll("button")[now - 1] ?? element.querySelector("button"))?.focus();
    return undefined;
  };
  return { element, selection };
}

/** The place of the button that has the keyboard, from 1; 0 for none. @param {HTMLElement} element */
const focusedAt = (element) => [...element.querySelectorAll("button")].findIndex((one) => one === document.activeElement) + 1;

/** @param {Selection<Shown>} selection @param {() => { grid: Grid<Shown>, feed: Feed<any> }} parts */
function actions(selection, parts) {
  const items = [...selection.chosen.values()];
  const ids = items.map(({ id }) => id);
  const [first, second] = items;
  /** @param {api.AttributeChanges} changes */
  const change = async (changes) => {
    let changed = 0;
    for (let at = 0; at < ids.length; at += AT_ONCE) changed += (await api.changeAttributes(ids.slice(at, at + AT_ONCE), changes)).changed;
    parts().feed.change(new Set(ids), (item) => patched(item, changes));
    toast(t("changed-count", { n: number(changed) }));
    loadLibrary().catch(() => {}); // only the values that filters offer
  };
  const lists = store.attributes.filter(({ type }) => type === "list[str]");
  /** @param {() => void} act */
  const leaving = (act) => () => (selection.clear(), act());
  const one = items.length === 1 && [
    button("search", t("search-with-this"), leaving(() => ask({ id: first.id })), { text: true }),
    ...(partsOf(route()).length ? likeButtons(first, { text: true, kind: "quiet" }) : []),
    button("original", t("match-find"), leaving(() => matchWith({ id: first.id })), { text: true }),
  ];
  return [
    ...(one || []),
    items.length === 2 && button("compare", t("compare"), () => openComparison({ id: first.id }, { id: second.id }), { text: true }),
    button("download", t("download"), () => download(items), { text: true }),
    button("table", t("export-csv"), () => exportCsv(items), { text: true }),
    may("write") && lists.length > 0 && button("tag", t("tag"), () => tagPictures(items.length, lists, change), { text: true }),
    may("write") && store.attributes.length > 0 && button("edit", t("set-attributes"), () => setAttributes(items.length, change), { text: true }),
    may("write") && button("trash", t("delete"), () => removeAll(ids, selection, parts), { text: true, kind: "quiet quiet-danger" }),
  ];
}

/** @param {Shown} item @param {api.AttributeChanges} changes */
function patched(item, { values, add }) {
  const changed = { ...item.attributes };
  for (const [name, value] of Object.entries(values)) {
    if (value === null) delete changed[name];
    else changed[name] = value;
  }
  for (const [name, more] of Object.entries(add)) {
    const before = changed[name];
    changed[name] = [...new Set([...(Array.isArray(before) ? before : []), ...more])];
  }
  return { ...item, attributes: changed };
}

/** @param {string[]} ids @param {Selection<Shown>} selection @param {() => { feed: Feed<any> }} parts */
async function removeAll(ids, selection, parts) {
  const n = number(ids.length);
  if (!(await confirmed(t("delete-many-title", { n }), t("delete-many-sure", { n }), t("delete-many", { n })))) return;
  try {
    let deleted = 0;
    for (let at = 0; at < ids.length; at += AT_ONCE) deleted += (await api.removeMany(ids.slice(at, at + AT_ONCE))).deleted;
    selection.clear();
    parts().feed.drop(...ids);
    toast(t("deleted-count", { n: number(deleted) }));
    await loadLibrary();
  } catch (error) {
    fail(error);
  }
}
