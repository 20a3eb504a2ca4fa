// What a route asks, as the API takes it, and the answers to it page by page.
import * as api from "./api.js";
import { partsOf } from "./parts.js";
import { keptFile, store } from "./store.js";

const PAGE = 200;

/** The question of a route; null to look around in the library, `lost` where an upload is gone. */
export function questionOf(route) {
  const [first, ...mix] = partsOf(route);
  if (!first) return null;
  const { weight, upload, ...rest } = first;
  if (upload) {
    const kept = keptFile(upload);
    // What comes as a file has the weight 1, so the others are weighed against it.
    return kept ? { ...rest, file: kept.file, mix: mix.map((part) => ({ ...part, weight: part.weight / weight })) } : { lost: true };
  }
  return weight === 1 ? { ...rest, mix } : { mix: [first, ...mix] };
}

/** The route's least chance, where hits have one: the library has learnt it for whole single pictures only. */
export function chanceOf(route) {
  const [first, ...mix] = partsOf(route);
  const applies = first && !first.text && !first.region && first.weight > 0 && !mix.length && !looksAtParts(route);
  return applies && store.library.calibrated ? route.chance : null;
}

const looksAtParts = ({ regions }) => regions && store.library.regions;

/** A hit as a whole has no part to be outlined. */
const withoutWhole = (hit) => (hit.region?.w === 1 && hit.region.h === 1 ? { ...hit, region: null } : hit);

/** Everything in a route that hits depend on, in one text. */
export const askedText = ({ id, url, text, upload, region, weight, mix, filter, min, chance, regions }) =>
  JSON.stringify([id, url, text, upload, region, weight, mix, filter, min, chance, regions]);

/** A page of hits, or of the library's pictures where nothing is asked; `cursor` is null for the first. */
export async function fetchPage(route, cursor, signal) {
  const question = questionOf(route);
  const { filter, min } = route;
  if (question) {
    const narrowed = { filter, min, chance: chanceOf(route), regions: looksAtParts(route) };
    const options = { k: PAGE, offset: cursor ?? 0, ...narrowed, fields: ["attributes"] };
    const { hits, next_offset: next, timings } = await api.search(question, options, signal);
    return { items: hits.map(withoutWhole), next, timings };
  }
  const page = await api.pictures({ limit: PAGE, cursor, filter }, signal);
  return { items: page.pictures, next: page.next_cursor, total: page.total };
}
