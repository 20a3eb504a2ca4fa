// The recommendations' part of the API.
import { call, withQuery } from "/console/lib/api.js";
import { at } from "/console/lib/place.js";

/** @import { PictureFacts } from "/console/lib/types.js" */

/** @typedef {"view" | "like" | "dislike" | "buy" | "hide"} Kind */
/** @typedef {{ picture: string, kind: Kind | null }} Because */
/** @typedef {{ picture: PictureFacts, score: number, source: "taste" | "people" | "similar" | "popular" | "varied", because: Because | null }} Pick */
/** @typedef {{ pictures: string[], share: number, muted: boolean }} Taste */

/** @param {string} user */
export const userData = (user) => at(withQuery("/v1/recommend/user", { user }));

/** @type {(user: string, page: { k: number, offset: number }, signal: AbortSignal) => Promise<{ picks: Pick[], next_offset: number | null }>} */
export const picks = (user, page, signal) => call("GET", withQuery("/v1/recommend/picks", { user, ...page }), { signal });
/** @type {(user: string, signal: AbortSignal) => Promise<{ tastes: Taste[] }>} */
export const tastes = (user, signal) => call("GET", withQuery("/v1/recommend/tastes", { user }), { signal });
/** @type {(user: string, picture: string, kind: Kind) => Promise<{ ids: string[] }>} */
export const record = (user, picture, kind) => call("POST", "/v1/recommend/events", { json: { events: [{ user, picture, kind }] } });
/** @type {(id: string) => Promise<void>} */
export const forget = (id) => call("DELETE", `/v1/recommend/events/${encodeURIComponent(id)}`);
/** @type {(user: string, picture: string, muted: boolean) => Promise<{ tastes: Taste[] }>} */
export const mute = (user, picture, muted) => call("POST", "/v1/recommend/tastes/mute", { json: { user, picture, muted } });
/** @type {(user: string) => Promise<{ erased: number }>} */
export const erase = (user) => call("DELETE", userData(user));
