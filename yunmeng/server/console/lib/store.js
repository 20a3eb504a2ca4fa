// What all pages know: who is asking, and what the library is.
import * as api from "./api.js";
import { t } from "./i18n.js";

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

/** Whether the library could search by words, and the server lacks what that needs. */
export const lacksWords = () => store.library?.missing_extras.includes("words") ?? false;

export const readsWords = () => Boolean(store.library?.reads_text) && !lacksWords();

export const isIn = () => store.session?.scope != null;

export async function loadSession() {
  store.session = await api.session();
}

/** @param {{ quiet?: boolean }} options */
export async function loadLibrary(options = {}) {
  [store.library, store.attributes] = await Promise.all([api.library(options), api.attributes(options)]);
  window.dispatchEvent(new Event("library"));
}

/** After signing out. */
export function forgetLibrary() {
  store.library = NONE;
}

/** @typedef {{ file: File, url: string }} Kept */
/** @type {Map<string, Kept | null>} By the SHA-256 of their bytes; null for those that nobody keeps any more. */
const kept = new Map();

/**
 * Keeps a file that was dropped, pasted or taken: in the page, and for a day on the server, so that a reload and a link find
 * it. Returns what the address names it by.
 *
 * @param {File} file
 */
export async function keepFile(file) {
  const sent = api.keepQueryPicture(file).then((answer) => answer.sha256);
  // Browsers digest only where nobody can listen on the way; elsewhere the server says what it got.
  const digest = crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())) : await sent;
  sent.catch(() => {}); // it can be searched with; a link to it will say that it is gone
  put(digest, file);
  return digest;
}

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} digest @param {File} file */
const put = (digest, file) => kept.get(digest) ?? kept.set(digest, { file, url: URL.createObjectURL(file) });

/** @param {string} digest */
export const keptFile = (digest) => kept.get(digest) ?? null;

/**
 * Whether a file is not in the page, and may be on the server.
 *
 * @param {string} digest
 */
export const isElsewhere = (digest) => !kept.has(digest);

/**
 * Brings a file from the server into the page; where it is gone, that is remembered.
 *
 * @param {string} digest
 */
export async function fetchKept(digest) {
  try {
    const file = await api.queryPicture(digest);
    put(digest, new File([file], t("query-uploaded"), { type: file.type }));
  } catch (error) {
    if (error instanceof api.ApiError && error.status !== 410) throw error;
    kept.set(digest, null);
  }
}
