// The register's part of the API.
import { call, withQuery } from "/console/lib/api.js";
import { at } from "/console/lib/place.js";

/** @import { Job } from "/console/lib/types.js" */

/**
 * @typedef {object} Work
 * @property {number} number
 * @property {string} id Of its picture, when it was registered.
 * @property {string} owner
 * @property {string} title
 * @property {string} licence
 * @property {string} date
 * @property {string} notes
 * @property {string} registered_at
 * @property {boolean} withdrawn
 */
/** @typedef {{ name: string, amount: number | null, detail: string }} Edit */
/** @typedef {{ work: Work, id: string, chance: number, verdict: string | null, difference: string | null, edits: Edit[] }} WorkMatch */
/** @typedef {{ works: number, head: { size: number, root: string }, stamped_at: string | null, stamps: boolean }} Register */
/** @typedef {{ sound: boolean, problems: { kind: string, number: number | null, last: number | null, detail: string }[], head: { size: number }, timestamps: number }} Verification */
/** @typedef {{ id: string, owner: string, title?: string, licence?: string, date?: string }} Order */

/** @typedef {{ number: number, source: string, work: number, owner: string, title: string, id: string, chance: number, edits: Edit[], found_at: string }} Finding */
/** @typedef {{ number: number, url: string, every: number, added_at: string, round_at: string | null, pictures: number, failures: number, problem: string }} Watch */

const PLACE = "/v1/copyright";

/** @type {(signal?: AbortSignal) => Promise<Register>} */
export const register = (signal) => call("GET", PLACE, { signal });
/** @type {(place: { offset: number, limit: number }, signal: AbortSignal) => Promise<{ works: Work[], next_offset: number | null }>} */
export const works = (place, signal) => call("GET", withQuery(`${PLACE}/works`, place), { signal });
/** @type {(order: Order) => Promise<Work>} */
export const add = (order) => call("POST", `${PLACE}/works`, { json: order });
/** @type {(number: number, notes: string) => Promise<Work>} */
export const withdraw = (number, notes) => call("POST", `${PLACE}/works/${number}/withdraw`, { json: { notes } });
/** @type {() => Promise<Verification>} */
export const verify = () => call("POST", `${PLACE}/verify`, { json: {} });
/** @type {() => Promise<unknown>} */
export const stamp = () => call("POST", `${PLACE}/stamp`);
/** @type {(picture: { id?: string, file?: File }, signal: AbortSignal) => Promise<{ matches: WorkMatch[] }>} */
export const check = ({ id, file }, signal) => {
  if (!file) return call("POST", `${PLACE}/check`, { json: { id }, signal });
  const form = new FormData();
  form.append("file", file);
  return call("POST", `${PLACE}/check/upload`, { form, signal });
};
/** @param {number} number */
export const proof = (number) => at(`${PLACE}/works/${number}/proof`);
export const whole = at(`${PLACE}/register`);
/** @type {(place: { offset: number, limit: number }, signal: AbortSignal) => Promise<{ findings: Finding[], next_offset: number | null }>} */
export const findings = (place, signal) => call("GET", withQuery(`${PLACE}/findings`, place), { signal });
/** @type {(number: number) => Promise<Finding>} */
export const dismiss = (number) => call("POST", `${PLACE}/findings/${number}/dismiss`);
/** @type {() => Promise<{ job: number }>} */
export const checkLibrary = () => call("POST", `${PLACE}/check/library`);
/** @type {(number: number) => Promise<Job>} */
export const job = (number) => call("GET", `/v1/jobs/${number}`);
/** @type {(signal: AbortSignal) => Promise<{ watches: Watch[], running: boolean }>} */
export const watches = (signal) => call("GET", `${PLACE}/watches`, { signal });
/** @type {(url: string, every: number) => Promise<Watch>} */
export const watch = (url, every) => call("POST", `${PLACE}/watches`, { json: { url, every } });
/** @type {(number: number) => Promise<unknown>} */
export const unwatch = (number) => call("DELETE", `${PLACE}/watches/${number}`);
/**
 * The evidence as a PDF file.
 *
 * @param {{ id?: string, file?: File }} picture
 * @param {{ work: number, language: string }} options
 * @returns {Promise<Blob>}
 */
export const report = ({ id, file }, options) => {
  const wanted = { ...options, format: "pdf", name: file?.name ?? id ?? "" };
  if (!file) return call("POST", `${PLACE}/report`, { json: { id, ...wanted }, read: "blob" });
  const form = new FormData();
  form.append("file", file);
  for (const [name, value] of Object.entries(wanted)) form.append(name, String(value));
  return call("POST", `${PLACE}/report/upload`, { form, read: "blob" });
};
