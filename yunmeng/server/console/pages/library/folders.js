// The folders of the pictures, as a tree: each is opened when it is asked for, and leads to what lies in it.
import * as api from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { href, route } from "/console/lib/router.js";
import { fail } from "/console/widgets/announce.js";

/** @typedef {{ path: string, pictures: number, has_folders: boolean }} Folder */

/** { element, set(folder), load() }; hidden where no picture lies in a folder. */
export function folderTree() {
  /** @type {string | null} */
  let chosen = null;
  const place = h("div", {});
  const all = h("a", { class: "folder-link", href: "#/library" }, t("folders-all"));
  const element = h("nav", { class: "filter", "aria-label": t("folders"), hidden: true }, h("h3", {}, t("folders")), all, place);
  const load = async () => {
    const found = await api.folders("").catch(() => []); // the rest of the page is there without
    element.hidden = found.length === 0;
    place.replaceChildren(branch(found, () => chosen, mark));
    mark();
  };
  const mark = () => {
    all.href = href({ ...route(), page: "library", folder: null, show: null });
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (element.querySelectorAll("a"))) {
      const of = link.dataset.folder ?? null;
      if (of !== null) link.href = href({ ...route(), page: "library", folder: of, show: null });
      if (of === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  /** @param {string | null} folder */
  const set = (folder) => {
    chosen = folder;
    mark();
  };
  load();
  return { element, set, load };
}

/** @param {Folder[]} folders @param {() => string | null} chosen @param {() => void} mark @returns {HTMLElement} */
function branch(folders, chosen, mark) {
  return h("ul", { class: "folders" }, ...folders.map((folder) => leaf(folder, chosen, mark)));
}

/** @param {Folder} folder @param {() => string | null} chosen @param {() => void} mark */
function leaf({ path, pictures, has_folders }, chosen, mark) {
  const name = path.split("/").at(-1) || path;
  const shape = `quiet round small folder-toggle${has_folders ? "" : " empty"}`;
  const toggle = button("right", t("folder-open", { name }), () => turn(), { class: shape, "aria-expanded": "false" });
  const link = h("a", { class: "folder-link", "data-folder": path }, h("span", { class: "name", title: path }, name), h("span", { class: "chip-count" }, number(pictures)));
  const element = h("li", {}, h("div", { class: "folder-row" }, toggle, link));
  const turn = async () => {
    const inside = element.querySelector("ul");
    toggle.setAttribute("aria-expanded", String(!inside));
    if (inside) return inside.remove();
    try {
      const found = await api.folders(path);
      element.append(branch(found, chosen, mark));
      return mark();
    } catch (error) {
      return fail(error);
    }
  };
  if (chosen()?.startsWith(`${path}/`)) turn(); // so that the one that is chosen is seen
  return element;
}
