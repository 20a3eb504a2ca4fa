// What a route asks, as the API takes it, and the answers to it page by page.
import * as api from "/console/lib/api.js";
import { asksByColourAlone } from "/console/lib/colours.js";
import { optionsThatApply } from "/console/lib/options.js";
import { partsOf } from "/console/lib/parts.js";
import { keptFile, store } from "/console/lib/store.js";
import { orderThatApplies } from "./order.js";

/** @import { Question } from "/console/lib/api.js" */
/** @import { Hit, PictureFacts, Route } from "/console/lib/types.js" */

/**
 * @typedef {object} Answer A page of hits, or of pictures.
 * @property {(Hit | PictureFacts)[]} items
 * @property {number | string | null} next
 * @property {Record<string, number>} [timings]
 * @property {boolean} [cached]
 * @property {number} [total]
 */

const PAGE = 200;

/**
 * The question of a route; null to look around in the library, `lost` where an upload is gone.
 *
 * @param {Route} route
 * @returns {(Question & { lost?: undefined }) | { lost: true } | null}
 */
export function questionOf(route) {
  const [first, ...mix] = partsOf(route);
  if (!first) return route.color ? { mix: [] } : null;
  const { weight, upload, ...rest } = first;
  if (upload) {
    const kept = keptFile(upload);
    // What comes as a file has the weight 1, so the others are weighed against it.
    return kept ? { ...rest, file: kept.file, mix: mix.map((part) => ({ ...part, weight: part.weight / weight })) } : { lost: true };
  }
  return weight === 1 ? { ...rest, mix } : { mix: [first, ...mix] };
}

/**
 * Whether a route asks with one picture, liked, and with nothing beside it.
 *
 * @param {Route} route
 */
function asksWithOnePicture(route) {
  const [first, ...mix] = partsOf(route);
  return Boolean(first && !first.text && first.weight > 0 && !mix.length);
}

/**
 * The steps, the metric and the grouping of a route, less what does not go with its question.
 *
 * @param {Route} route
 */
export const orderOf = (route) => orderThatApplies(route, kindOf(route));

/**
 * What an order has to go with.
 *
 * @param {Route} route
 */
export const kindOf = (route) => ({ onePicture: asksWithOnePicture(route), parts: Boolean(looksAtParts(route)), colourAlone: asksByColourAlone(route) });

/**
 * The route's least chance, where hits have one: the library has learnt it for whole single pictures only.
 *
 * @param {Route} route
 */
export function chanceOf(route) {
  const applies = asksWithOnePicture(route) && !route.color && !route.region && !looksAtParts(route);
  return applies && store.library.calibrated ? route.chance : null;
}

/**
 * The options of a route that the library can do.
 *
 * @param {Route} route
 */
export const optionsOf = ({ options }) => optionsThatApply(options, store.library);

/** @param {Route} route */
const looksAtParts = (route) => optionsOf(route).regions;

/**
 * A hit as a whole has no part to be outlined.
 *
 * @param {Hit} hit
 * @returns {Hit}
 */
const withoutWhole = (hit) => (hit.region?.w === 1 && hit.region.h === 1 ? { ...hit, region: null } : hit);

/**
 * Everything in a route that hits depend on, in one text.
 *
 * @param {Route} route
 */
export const askedText = ({ id, url, text, upload, color, region, weight, mix, filter, min, chance, options, rerank, metric, group }) =>
  JSON.stringify([id, url, text, upload, color, region, weight, mix, filter, min, chance, options, rerank, metric, group]);

/**
 * The steps behind the score of the hit at `index`, by the question that it answered; null where it is no hit any more.
 *
 * @param {Route} route
 * @param {number} index
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function fetchExplanation(route, index, id, signal) {
  const page = await fetchPage(route, index - (index % PAGE), signal, { explain: true });
  const hit = page.items.find((item) => item.id === id);
  return (hit && "explanation" in hit && hit.explanation) || null;
}

/**
 * A page of hits, or of the library's pictures where nothing is asked; `cursor` is null for the first.
 *
 * @param {Route} route
 * @param {any} cursor
 * @param {AbortSignal} signal
 * @param {{ explain?: boolean }} more
 * @returns {Promise<Answer>}
 */
export async function fetchPage(route, cursor, signal, more = {}) {
  const question = questionOf(route);
  const { color, filter, min } = route;
  if (question && !question.lost) {
    const narrowed = { filter, min, chance: chanceOf(route), options: optionsOf(route) };
    const options = { k: PAGE, offset: cursor ?? 0, ...narrowed, ...orderOf(route), color, ...more, fields: ["attributes", "width", "height"] };
    const { hits, next_offset: next, timings, cached } = await api.search(question, options, signal);
    const parts = partsOf(route);
    const byWords = parts.length === 1 && Boolean(parts[0].text);
    return { items: hits.map((hit) => ({ ...withoutWhole(hit), byWords })), next, timings, cached };
  }
  const page = await api.pictures({ limit: PAGE, cursor, filter }, signal);
  return { items: page.pictures, next: page.next_cursor, total: page.total };
}
