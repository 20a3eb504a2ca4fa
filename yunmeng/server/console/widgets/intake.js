// Pictures that come from outside: dropped anywhere, pasted anywhere. The page that is shown decides what becomes of them.
import { $, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { DRAGGED } from "./tile.js";

/** @import { Receiver } from "/console/lib/types.js" */

/**
 * `receive` is { files(list), address(text), id(text), wantsFolders, hint } of the page that is shown.
 *
 * @param {() => Receiver} receive
 */
export function listen(receive) {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const end = () => {
    depth = 0;
    $(".dropping")?.remove();
  };
  window.addEventListener("dragenter", (event) => {
    if (!carriesPicture(event.dataTransfer) || $("dialog:modal")) return;
    event.preventDefault();
    depth += 1;
    if (depth === 1) document.body.append(h("div", { class: "dropping" }, h("p", {}, t(receive().hint))));
  });
  window.addEventListener("dragover", (event) => {
    if (carriesPicture(event.dataTransfer)) event.preventDefault();
  });
  window.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) end();
  });
  window.addEventListener("drop", (event) => {
    if (!carriesPicture(event.dataTransfer)) return;
    event.preventDefault(); // or the browser would leave the page to show the file
    end();
    if (!$("dialog:modal")) take(event.dataTransfer, receive());
  });
  window.addEventListener("paste", (event) => {
    if ($("dialog:modal") || !event.clipboardData?.files.length) return;
    event.preventDefault();
    take(event.clipboardData, receive());
  });
}

/** @param {DataTransfer | null} data @returns {data is DataTransfer} */
const carriesPicture = (data) => ["Files", DRAGGED, "text/uri-list"].some((type) => data?.types.includes(type));

/** @param {DataTransfer} data @param {Receiver} page */
async function take(data, page) {
  const id = data.getData(DRAGGED);
  if (id) return page.id?.(id);
  const address = data.getData("text/uri-list").split("\n").find((line) => /^https?:/i.test(line));
  const files = page.wantsFolders ? await withFolders(data) : [...data.files];
  if (files.length) return page.files(files);
  return address && page.address?.(address.trim());
}

/**
 * The files that were dropped, and those in folders that were; a file in a folder has `path` below it.
 *
 * @param {DataTransfer} data
 * @returns {Promise<File[]>}
 */
async function withFolders(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  const files = [...data.files]; // now: both are empty once this function has waited for anything
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found.length ? found : files;
}

/** @param {FileSystemEntry} entry @param {File[]} found @returns {Promise<void>} */
async function walk(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const inside = /** @type {FileSystemFileEntry} */ (entry);
    /** @type {File | null} */
    const file = await new Promise((resolve, reject) => inside.file(resolve, reject)).catch(() => null);
    if (file) found.push(Object.assign(file, { path: entry.fullPath.slice(1) }));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (!part.length) return; // it gives a hundred at a time
    for (const child of part) await walk(child, found);
  }
}
