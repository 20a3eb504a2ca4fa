// What all pages know: who is asking, and what the library is.
import * as api from "./api.js";

export const store = { session: null, library: null, attributes: [] };

const RANK = { search: 1, write: 2, admin: 3 };

/** Whether the key in use, or the open server, allows what needs `scope`. */
export const may = (scope) => (RANK[store.session?.scope] ?? 0) >= RANK[scope];

export const isIn = () => store.session?.scope != null;

export async function loadSession() {
  store.session = await api.session();
}

export async function loadLibrary() {
  [store.library, store.attributes] = await Promise.all([api.library(), api.attributes()]);
  window.dispatchEvent(new Event("library"));
}

const remembered = new Map();
let counter = 0;

/** Keeps a file that was dropped, pasted or taken, so that Back finds it again. Gone when the page is left. */
export function keepFile(file) {
  counter += 1;
  remembered.set(String(counter), { file, url: URL.createObjectURL(file) });
  return String(counter);
}

export const keptFile = (number) => remembered.get(number) ?? null;
