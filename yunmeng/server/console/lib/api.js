// The HTTP API, one function a call. Every failure is an `ApiError`; a request that was aborted stays an AbortError.

/**
 * @import { Alignment, Attribute, Attributes, Box, Colours, Comparison, Encoder, Hit, Job, Library, Options, QueryPart, Picture, PictureFacts, Region, Session, Value, Why } from "./types.js"
 */

import { at } from "./place.js";

/** @typedef {{ code: string, message: string, details?: unknown[] }} Problem */

export class ApiError extends Error {
  /**
   * @param {number} status 0 where there was no answer.
   * @param {Problem} problem
   * @param {number | null} retryAfter Seconds after which to come again.
   */
  constructor(status, { code, message, details = [] }, retryAfter = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfter = retryAfter;
  }
}

/** @param {string} id */
const inPath = (id) => encodeURIComponent(id);

/**
 * @typedef {object} Sending
 * @property {unknown} [json]
 * @property {FormData} [form]
 * @property {AbortSignal} [signal]
 * @property {boolean} [quiet] Whether a caller without a key is told so, and not sent to the door.
 * @property {"json" | "blob"} [read]
 */

/**
 * Calls the API and reads what it answers, which is believed to be what its schemas say.
 *
 * @param {string} method
 * @param {string} path
 * @param {Sending} sending
 * @returns {Promise<any>}
 */
export async function call(method, path, { json, form, signal, quiet = false, read = "json" } = {}) {
  const body = form ?? (json === undefined ? undefined : JSON.stringify(json));
  /** @type {HeadersInit} */
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(at(path), { method, body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "unreachable", message: "" });
  }
  if (response.ok) return response.status === 204 ? null : response[read]();
  const failure = readError(response.status, await response.text(), response.headers.get("Retry-After"));
  if (response.status === 401 && !quiet) window.dispatchEvent(new Event("signedout"));
  throw failure;
}

/**
 * The error in a body, or one made up from the status where a proxy answered in the server's place.
 *
 * @param {number} status
 * @param {string} text
 * @param {string | null} wait The header Retry-After.
 */
function readError(status, text, wait) {
  const retryAfter = wait === null ? null : Number(wait) || null;
  try {
    const { error } = JSON.parse(text);
    if (error?.code) return new ApiError(status, error, retryAfter);
  } catch {
    // not JSON
  }
  return new ApiError(status, { code: status >= 502 ? "unreachable" : "internal", message: `HTTP ${status}` }, retryAfter);
}

/**
 * Those of the values that say something.
 *
 * @param {Record<string, any>} values
 * @returns {Record<string, any>}
 */
const given = (values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== ""));

/** @param {Record<string, any>} values */
function asForm(values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(given(values))) form.append(name, value);
  return form;
}

/** @param {string} path @param {Record<string, any>} values */
export const withQuery = (path, values) => {
  const query = new URLSearchParams(given(values)).toString();
  return query ? `${path}?${query}` : path;
};

/** @type {() => Promise<Session>} */
export const session = () => call("GET", "/v1/session");
/** @type {(key: string) => Promise<Session>} */
export const signIn = (key) => call("POST", "/v1/session", { json: { key }, quiet: true });
export const signOut = () => call("DELETE", "/v1/session");
/** @type {(options?: Sending) => Promise<Library>} */
export const library = (options) => call("GET", "/v1/library", options);
/** @type {(options?: Sending) => Promise<Attribute[]>} */
export const attributes = (options) => call("GET", "/v1/attributes", options);

/** @type {() => Promise<Colours>} */
export const colours = () => call("GET", "/v1/colors");

/** @typedef {Picture & { text?: string | null, region?: Region | null, mix?: QueryPart[] }} Question */

/**
 * @typedef {object} SearchOptions
 * @property {number} k
 * @property {number} offset
 * @property {string[]} fields
 * @property {string | null} [filter]
 * @property {number | null} [min]
 * @property {number | null} [chance]
 * @property {Options} [options] Those of lib/options.js.
 * @property {string[]} [rerank]
 * @property {string | null} [metric]
 * @property {string | null} [group]
 * @property {string | null} [color]
 * @property {boolean} [explain]
 */

/**
 * `question` is { id } or { url } or { text } or { file }, with `region` as [x, y, w, h] where one is drawn; and `mix`, what
 * else hits are to be like, each part with a `weight`.
 *
 * @param {Question} question
 * @param {SearchOptions} options
 * @param {AbortSignal} signal
 * @returns {Promise<{ hits: Hit[], next_offset: number | null, cached: boolean, timings: Record<string, number> }>}
 */
export function search({ file, region, mix = [], ...question }, { fields, ...options }, signal) {
  const { k, offset, filter, min, chance, metric, group, color, explain } = options;
  const wanted = { k, offset, filter, min_score: min, min_chance: chance, ...options.options, metric, group_by: group, color, explain: explain || null };
  const rerank = options.rerank ?? [];
  if (file) {
    const parts = mix.length ? JSON.stringify(mix.map(partOnWire)) : null;
    const form = asForm({ file, ...wanted, region: region?.join(","), mix: parts });
    for (const field of fields) form.append("fields", field);
    for (const step of rerank) form.append("rerank", step);
    return call("POST", "/v1/search/upload", { form, signal });
  }
  const parts = mix.length ? mix.map(partOnWire) : null;
  const json = given({ ...question, ...wanted, rerank: rerank.length ? rerank : null, region: region && boxOnWire(region), mix: parts });
  return call("POST", "/v1/search", { json: { ...json, fields }, signal });
}

/** @type {(file: File) => Promise<{ sha256: string }>} */
export const keepQueryPicture = (file) => call("POST", "/v1/query-pictures", { form: asForm({ file }) });
/** @type {(digest: string) => Promise<Blob>} */
export const queryPicture = (digest) => call("GET", `/v1/query-pictures/${inPath(digest)}`, { read: "blob" });

/** @param {Region} region */
const boxOnWire = ([x, y, w, h]) => ({ x, y, w, h });
/** @param {QueryPart} part */
const partOnWire = ({ region, ...part }) => (region ? { ...part, region: boxOnWire(region) } : part);

/**
 * Where the subject of { id }, { url } or { file } is.
 *
 * @type {(picture: Picture, signal?: AbortSignal) => Promise<{ region: Box, method: "saliency" | "centre" }>}
 */
export const subject = ({ file, ...picture }, signal) =>
  file
    ? call("POST", "/v1/subject/upload", { form: asForm({ file }), signal })
    : call("POST", "/v1/subject", { json: picture, signal });

/**
 * What of { id }, { url }, { file } or { text } and of the picture `hit` is alike.
 *
 * @type {(hit: string, question: Question, region: Region | null, signal: AbortSignal) => Promise<Why>}
 */
export const why = (hit, { file, id, url, text }, region, signal) =>
  file
    ? call("POST", "/v1/why/upload", { form: asForm({ file, hit, region: region?.join(",") }), signal })
    : call("POST", "/v1/why", { json: given({ hit, id, url, text, region: region && boxOnWire(region) }), signal });

/** @param {Picture} a @param {Picture} b */
const sidesOnWire = (a, b) => {
  const side = /** @param {string} name @param {Picture} picture */ (name, { file, id, url }) => ({ [name]: file, [`${name}_id`]: id, [`${name}_url`]: url });
  return asForm({ ...side("a", a), ...side("b", b) });
};

/**
 * Compares two pictures: `a` is the suspect, `b` what it may be made from.
 *
 * @type {(a: Picture, b: Picture, signal: AbortSignal) => Promise<Comparison>}
 */
export const compare = (a, b, signal) => call("POST", "/v1/compare", { form: sidesOnWire(a, b), signal });

/**
 * The evidence as a PNG: both sides, aligned, with the outline drawn.
 *
 * @type {(a: Picture, b: Picture, signal: AbortSignal) => Promise<Blob>}
 */
export const evidence = (a, b, signal) => call("POST", "/v1/compare/evidence", { form: sidesOnWire(a, b), signal, read: "blob" });

/** @typedef {{ id: string, score: number, alignment?: Alignment | null, recoloured?: boolean }} Match The score is the chance of being an original. */

/**
 * The pictures that { id }, { url } or { file } may be made from.
 *
 * @type {(picture: Picture, options: { k: number }, signal: AbortSignal) => Promise<{ matches: Match[] }>}
 */
export const match = ({ file, ...picture }, { k }, signal) =>
  file
    ? call("POST", "/v1/match/upload", { form: asForm({ file, k }), signal })
    : call("POST", "/v1/match", { json: given({ ...picture, k }), signal });

/**
 * @typedef {{ pictures: PictureFacts[], total: number, next_cursor: string | null }} PicturePage
 * @type {(options: { limit: number, cursor: string | null, filter: string | null, folder?: string | null }, signal: AbortSignal) => Promise<PicturePage>}
 */
export const pictures = ({ limit, cursor, filter, folder }, signal) =>
  call("GET", withQuery("/v1/pictures", { limit, cursor, filter, folder }), { signal });
/** @type {(under: string) => Promise<{ path: string, pictures: number, has_folders: boolean }[]>} */
export const folders = (under) => call("GET", withQuery("/v1/folders", { under }));

/** @type {() => Promise<{ name: string, query: string }[]>} */
export const savedSearches = () => call("GET", "/v1/saved-searches");
/** @type {(name: string, query: string) => Promise<void>} */
export const saveSearch = (name, query) => call("PUT", `/v1/saved-searches/${inPath(name)}`, { json: { query } });
/** @type {(name: string) => Promise<void>} */
export const deleteSearch = (name) => call("DELETE", `/v1/saved-searches/${inPath(name)}`);

/** @type {(id: string, signal: AbortSignal) => Promise<PictureFacts>} */
export const picture = (id, signal) => call("GET", `/v1/pictures/${inPath(id)}`, { signal });
/** @type {(id: string, values: Attributes) => Promise<PictureFacts>} */
export const setAttributes = (id, values) =>
  call("PUT", `/v1/attributes/${inPath(id)}`, { json: { attributes: values } });
/** @typedef {{ values: Record<string, Value | null>, add: Record<string, string[]> }} AttributeChanges */
/** @type {(ids: string[], changes: AttributeChanges) => Promise<{ changed: number }>} */
export const changeAttributes = (ids, changes) => call("POST", "/v1/attributes", { json: { ids, ...changes } });
/** @type {(ids: string[]) => Promise<{ deleted: number }>} */
export const removeMany = (ids) => call("POST", "/v1/pictures/delete", { json: { ids } });
/** @type {(id: string) => Promise<void>} */
export const remove = (id) => call("DELETE", `/v1/pictures/${inPath(id)}`);

/** @type {() => Promise<{ jobs: Job[] }>} */
export const jobs = () => call("GET", "/v1/jobs?limit=100");
/** @type {(kind: string, order?: Record<string, unknown>) => Promise<Job>} */
export const startJob = (kind, order = {}) => call("POST", "/v1/jobs", { json: { kind, arguments: order } });
/** @type {(number: number) => Promise<Job>} */
export const cancelJob = (number) => call("POST", `/v1/jobs/${number}/cancel`);
/** @type {(number: number) => Promise<Job>} */
export const resumeJob = (number) => call("POST", `/v1/jobs/${number}/resume`);
/** @type {(number: number) => Promise<{ failures: { path: string, reason: string }[] }>} */
export const jobFailures = (number) => call("GET", `/v1/jobs/${number}/failures?limit=1000`);
/** @param {number} number */
export const jobEvents = (number) => at(`/v1/jobs/${number}/events`);
/** @type {() => Promise<Encoder[]>} */
export const encoders = () => call("GET", "/v1/encoders");

/** @param {string} id @param {number} side */
export const thumbnail = (id, side) => at(`/v1/thumbnails/${inPath(id)}?side=${side}`);
/** @param {string} id */
const originalPath = (id) => `/v1/originals/${inPath(id)}`;
/** @param {string} id */
export const original = (id) => at(originalPath(id));
/** @type {(id: string) => Promise<Blob>} */
export const originalFile = (id) => call("GET", originalPath(id), { read: "blob" });
/** @param {string} url @param {number} side */
export const preview = (url, side = 1024) => at(withQuery("/v1/previews", { url, side }));

/** @typedef {{ results: { id?: string, status?: string, same_as?: string[], error?: Problem }[] }} Added */

/**
 * Sends one file to the library, telling `onProgress` the part sent in [0, 1]: fetch cannot say it, XMLHttpRequest can.
 *
 * @param {File} file
 * @param {{ id: string | null, values: Attributes | null, onProgress: (part: number) => void }} options
 * @returns {Promise<Added>}
 */
export function add(file, { id, values, onProgress }) {
  const form = asForm({ files: file, ids: id, attributes: values && JSON.stringify(values) });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", at("/v1/pictures"));
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, { code: "unreachable", message: "" }));
    request.onload = () => {
      if (request.status < 300) return resolve(JSON.parse(request.responseText));
      if (request.status === 401) window.dispatchEvent(new Event("signedout"));
      return reject(readError(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.send(form);
  });
}
