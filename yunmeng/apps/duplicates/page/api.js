// The duplicates' part of the API.
import { call, withQuery } from "/console/lib/api.js";

/** @import { PictureFacts } from "/console/lib/types.js" */

/**
 * @typedef {object} SearchState
 * @property {"none" | "running" | "done" | "cancelled" | "failed"} status
 * @property {"reading" | "pairing" | "verifying" | null} phase
 * @property {number} done
 * @property {number | null} total
 * @property {number} groups
 * @property {number} pictures
 * @property {number} open
 * @property {string | null} finished_at
 * @property {string | null} error
 * @property {string[]} rules By which a picture of each group can be proposed to stay.
 */

/** @typedef {{ picture: PictureFacts, keep: boolean, there: boolean, reason: string, score: number }} Member */
/** @typedef {{ number: number, decided: boolean, members: Member[] }} Group */
/** @typedef {{ offset: number, limit: number, open: boolean }} Place */

/** @type {(signal: AbortSignal) => Promise<SearchState>} */
export const state = (signal) => call("GET", "/v1/duplicates", { signal });
/** @type {(keep: string) => Promise<SearchState>} */
export const find = (keep) => call("POST", "/v1/duplicates", { json: { keep } });
/** @type {() => Promise<SearchState>} */
export const cancel = () => call("POST", "/v1/duplicates/cancel");
/** @type {(place: Place, signal: AbortSignal) => Promise<{ groups: Group[], next_offset: number | null }>} */
export const groups = ({ offset, limit, open }, signal) =>
  call("GET", withQuery("/v1/duplicates/groups", { offset, limit, open }), { signal });
/** @type {(number: number, discard: string[]) => Promise<Group>} */
export const decide = (number, discard) => call("POST", `/v1/duplicates/groups/${number}`, { json: { discard } });
/** @type {(number: number) => Promise<Group>} */
export const undo = (number) => call("POST", `/v1/duplicates/groups/${number}/undo`);
