// Pictures, or what is known of them, as files for the user.
import * as api from "/console/lib/api.js";
import { h } from "/console/lib/dom.js";
import { csv } from "/console/lib/csv.js";
import { number, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { Zip } from "/console/lib/zip.js";
import { announce, fail, toast } from "./announce.js";

/** @import { Shown } from "/console/lib/types.js" */

/**
 * Saves the original of one picture, or those of several in one archive.
 *
 * @param {Shown[]} items
 */
export async function download(items) {
  if (items.length === 1) return save(api.original(items[0].id), shortName(items[0].id));
  const zip = new Zip();
  const n = number(items.length);
  let failed = 0;
  for (const [at, { id }] of items.entries()) {
    announce(t("downloading", { done: number(at), n }));
    try {
      await zip.add(archivedName(id), await api.originalFile(id));
    } catch (error) {
      if (error instanceof api.ApiError && error.status === 0) return fail(error); // nothing can be reached any more
      failed += 1;
    }
  }
  if (failed) toast(t("download-failed", { n: number(failed) }), { failure: true });
  return zip.count ? saveBlob(zip.blob(), `${store.library.name}.zip`) : undefined;
}

/** @param {Shown[]} items */
export const exportCsv = (items) =>
  saveBlob(new Blob([csv(items, Object.keys(store.library.attributes))], { type: "text/csv" }), `${store.library.name}.csv`);

/** An id as a path in an archive, which leads nowhere else. @param {string} id */
const archivedName = (id) => id.split(/[/\\:]+/).filter((part) => part && !/^\.+$/.test(part)).join("/") || "picture";

/** Saves data that are in hand. @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  save(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} url @param {string} name */
const save = (url, name) => h("a", { href: url, download: name }).click();
