// The shop's part of the API.
import { call, withQuery } from "/console/lib/api.js";

/** @import { Region } from "/console/lib/types.js" */

/**
 * @typedef {object} Product
 * @property {string} id
 * @property {string} title
 * @property {number | null} price
 * @property {string} currency
 * @property {string} category
 * @property {string} brand
 * @property {string} link
 * @property {number | null} stock
 * @property {string} picture The id of the picture that fits best, or of the main one.
 * @property {string[]} others
 */

/** @typedef {{ category: string, chance: number }} Guess */
/** @typedef {{ categories: Record<string, number>, brands: Record<string, number>, prices: { currency: string, least: number, most: number }[] }} Facets */

/**
 * @typedef {object} Answer
 * @property {Product[]} products
 * @property {number} total
 * @property {number | null} next_offset
 * @property {Guess[]} guesses
 * @property {Facets} facets
 * @property {string} search
 */

/**
 * @typedef {object} Wanted The filters and the order.
 * @property {string | null} category
 * @property {string[]} brands
 * @property {number | null} least
 * @property {number | null} most
 * @property {string | null} currency
 * @property {boolean} in_stock
 * @property {string} sort
 */

/** @typedef {{ file?: File, url?: string | null, text: string | null, region: Region | null }} Question */

/**
 * @param {Question} question
 * @param {Wanted} wanted
 * @param {{ k: number, offset: number }} page
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export function search({ file, url, text, region }, { brands, ...filters }, page, signal) {
  const options = Object.fromEntries(Object.entries({ text, ...filters, ...page }).filter(([, value]) => value !== null && value !== ""));
  if (!file) {
    const [x, y, w, h] = region ?? [];
    return call("POST", "/v1/shop/search", { json: { ...options, brands, ...(url ? { url } : {}), ...(url && region ? { region: { x, y, w, h } } : {}) }, signal });
  }
  const form = new FormData();
  form.append("file", file);
  for (const [name, value] of Object.entries(options)) form.append(name, String(value));
  for (const brand of brands) form.append("brands", brand);
  if (region) form.append("region", region.join(","));
  return call("POST", "/v1/shop/search/upload", { form, signal });
}

/**
 * Where the things in a photo are, the main one first.
 *
 * @param {File} file
 * @returns {Promise<{ objects: { region: { x: number, y: number, w: number, h: number }, confidence: number }[] }>}
 */
export function objects(file) {
  const form = new FormData();
  form.append("file", file);
  return call("POST", "/v1/shop/objects/upload", { form });
}

/** @type {(id: string, k: number, signal: AbortSignal) => Promise<Answer>} */
export const similar = (id, k, signal) => call("GET", withQuery(`/v1/shop/similar/${encodeURIComponent(id)}`, { k }), { signal });
/** @type {(id: string, signal: AbortSignal) => Promise<Product>} */
export const product = (id, signal) => call("GET", `/v1/shop/products/${encodeURIComponent(id)}`, { signal });
/** @type {(cursor: string | null, limit: number, signal: AbortSignal) => Promise<{ products: Product[], total: number, next_cursor: string | null }>} */
export const products = (cursor, limit, signal) => call("GET", withQuery("/v1/shop/products", { cursor, limit }), { signal });
/** @type {(search: string, product: string) => Promise<unknown>} */
export const click = (search, product) => call("POST", "/v1/shop/clicks", { json: { search, product } });

/**
 * @param {File} file
 * @param {{ currency: string, replace: boolean, folder: string }} options
 * @returns {Promise<{ job: number }>}
 */
export function importCatalogue(file, { currency, replace, folder }) {
  const form = new FormData();
  form.append("file", file);
  form.append("currency", currency);
  form.append("replace", String(replace));
  if (folder) form.append("folder", folder);
  return call("POST", "/v1/shop/import", { form });
}
