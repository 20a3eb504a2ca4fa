// What all pages know: who is asking, and what the library is.
import * as api from "./api.js";

/** @import { Attribute, Library, Session } from "./types.js" */

const NONE = /** @type {any} */ (null);

/**
 * The library is null before it has been read, and where a key is asked for: no page but the one to sign in is shown then.
 *
 * @type {{ session: Session | null, library: Library, attributes: Attribute[] }}
 */
export const store = { session: null, library: NONE, attributes: [] };

/**
 * Whether the key in use, or the open server, allows what needs `scope`.
 *
 * @param {string} scope
 */
export const may = (scope) => store.session?.scopes.includes(scope) ?? false;

export const isIn = () => store.session?.scope != null;

export async function loadSession() {
  store.session = await api.session();
}

export async function loadLibrary() {
  [store.library, store.attributes] = await Promise.all([api.library(), api.attributes()]);
  window.dispatchEvent(new Event("library"));
}

/** After signing out. */
export function forgetLibrary() {
  store.library = NONE;
}

/** @type {Map<string, { file: File, url: string }>} */
const remembered = new Map();
let counter = 0;

/**
 * Keeps a file that was dropped, pasted or taken, so that Back finds it again. Gone when the page is left.
 *
 * @param {File} file
 */
export function keepFile(file) {
  counter += 1;
  remembered.set(String(counter), { file, url: URL.createObjectURL(file) });
  return String(counter);
}

/** @param {string} number */
export const keptFile = (number) => remembered.get(number) ?? null;
