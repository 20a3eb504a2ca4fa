// The console as an app: its shell is kept for when the server cannot be reached (service-worker.js).

import { at } from "./place.js";

const PREFIX = `yunmeng-shell${at("-")}`;

/**
 * Keeps what the page has loaded of the console's own files, and forgets those of other versions.
 *
 * @param {string} version Of the server.
 */
export async function keepShell(version) {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return; // they need https, or localhost
  try {
    await navigator.serviceWorker.register(at("/service-worker.js"));
    const name = PREFIX + version;
    for (const other of await caches.keys()) if (other.startsWith(PREFIX) && other !== name) await caches.delete(other);
    const loaded = performance.getEntriesByType("resource").map((one) => new URL(one.name));
    const own = loaded.filter(({ origin, pathname }) => origin === location.origin && pathname.startsWith(at("/console/")));
    await (await caches.open(name)).addAll([...new Set([at("/"), ...own.map(({ pathname, search }) => pathname + search)])]);
  } catch (error) {
    console.info(error); // a private window, or storage that is full: the console works without
  }
}
