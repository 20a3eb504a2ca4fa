// What narrows a search down: chips of categories with the likely ones first, brands, prices, stock; and the order.
import { fill, h } from "/console/lib/dom.js";
import { number, percent } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";

/** @import { Answer, Facets, Guess, Wanted } from "./api.js" */

const SORTS = ["likeness", "price", "-price"];
const MOST_BRANDS = 40;

/** @type {Wanted} */
export const NOTHING_WANTED = { category: null, brands: [], least: null, most: null, currency: null, in_stock: false, sort: "likeness" };

/**
 * Whether anything is filtered by.
 *
 * @param {Wanted} wanted
 */
export const narrows = ({ category, brands, least, most, in_stock }) => Boolean(category || brands.length || least !== null || most !== null || in_stock);

/**
 * The filters in the address: all but the category, as the query of an address.
 *
 * @param {Wanted} wanted
 */
export function spellWanted({ brands, least, most, currency, in_stock }) {
  const values = new URLSearchParams(brands.map((brand) => ["brand", brand]));
  if (least !== null) values.set("least", String(least));
  if (most !== null) values.set("most", String(most));
  if (currency && (least !== null || most !== null)) values.set("currency", currency);
  if (in_stock) values.set("stock", "1");
  return values.toString();
}

/**
 * What `spellWanted` gave, with the category and the order, which the address keeps beside it.
 *
 * @param {{ filter: string | null, folder: string | null, view: string | null }} route
 * @returns {Wanted}
 */
export function readWanted({ filter, folder, view }) {
  const values = new URLSearchParams(filter ?? "");
  const price = (/** @type {string} */ name) => (Number(values.get(name) || NaN) >= 0 ? Number(values.get(name)) : null);
  const currency = values.get("currency");
  return {
    category: folder,
    brands: values.getAll("brand"),
    least: price("least"),
    most: price("most"),
    currency: currency && /^[A-Z]{3}$/.test(currency) ? currency : null,
    in_stock: values.has("stock"),
    sort: view && SORTS.includes(view) ? view : "likeness",
  };
}

/** @param {string} category */
const lastOf = (category) => category.split("/").at(-1) ?? category;
/** @param {string} category */
const above = (category) => category.split("/").slice(0, -1).join("/");

/**
 * Chips: the way to the chosen category, those below it with their counts, and those that the photo is likely of.
 *
 * @param {(category: string | null) => void} choose
 */
export function categoryChips(choose) {
  const element = h("nav", { class: "shop-chips", "aria-label": t("shop-categories") });
  /**
   * @param {string | null} category
   * @param {(string | null)[]} text
   * @param {{ label?: string, kind?: string, current?: boolean }} look
   */
  const chip = (category, [name, beside], { label, kind = "", current = false } = {}) =>
    h(
      "button",
      { type: "button", class: `shop-chip ${kind}`, "aria-pressed": String(current), title: label, onclick: () => choose(category) },
      name,
      beside && " ",
      beside && h("span", { class: "chip-count" }, beside),
    );
  /** @param {Wanted} wanted @param {Guess[]} guesses @param {Facets} facets */
  const update = ({ category }, guesses, { categories }) => {
    const levels = category ? category.split("/").map((_, at, all) => all.slice(0, at + 1).join("/")) : [];
    const likely = guesses.filter((guess) => guess.category !== category && !levels.includes(guess.category)).slice(0, category ? 1 : 3);
    const below = Object.entries(categories).filter(([name]) => above(name) === (category ?? "") && !likely.some((guess) => guess.category === name));
    const way = levels.map((level) => chip(level, [lastOf(level), null], { current: level === category, kind: "on-the-way" }));
    const guessed = likely.map(({ category: name, chance }) => {
      const n = percent(chance);
      return chip(name, [lastOf(name), t("shop-guess-short", { n })], { kind: "likely", label: t("shop-guess", { name, n }) });
    });
    const rest = below.map(([name, n]) => chip(name, [lastOf(name), number(n)], { label: t("shop-category-count", { name, n: number(n) }) }));
    const all = levels.length || rest.length || guessed.length ? [chip(null, [t("shop-all"), null], { current: !category })] : [];
    fill(element, ...all, ...way, ...guessed, ...rest);
  };
  return { element, update };
}

/**
 * The bar of the other filters and the order; `change` is called with what is wanted then.
 *
 * @param {(changes: Partial<Wanted>) => void} change
 */
export function filterBar(change) {
  const sort = h("select", { class: "field", id: "shop-sort", onchange: () => change({ sort: sort.value }) }, ...SORTS.map((name) => h("option", { value: name }, t(`shop-sort-${name}`))));
  const stock = h("input", { type: "checkbox", id: "shop-stock", onchange: () => change({ in_stock: stock.checked }) });
  const least = priceField("shop-least", (value) => change({ least: value, currency: currencyNow() }));
  const most = priceField("shop-most", (value) => change({ most: value, currency: currencyNow() }));
  const legend = h("legend", {}, t("shop-price"));
  const prices = h("fieldset", { class: "shop-prices" }, legend, least, h("span", { "aria-hidden": "true" }, "–"), most);
  const brands = h("div", { class: "shop-brand-list" });
  const summary = h("summary", {}, t("shop-brands"));
  const choice = h("details", { class: "shop-brands" }, summary, brands);
  let currency = /** @type {string | null} */ (null);
  const currencyNow = () => currency;
  choice.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && choice.open) {
      choice.open = false;
      summary.focus();
    }
  });
  const element = h(
    "div",
    { class: "shop-filters" },
    prices,
    choice,
    h("label", { class: "check" }, stock, t("shop-in-stock")),
    h("label", { class: "shop-sort" }, h("span", { class: "unseen" }, t("shop-sort")), sort),
  );
  /** @param {Wanted} wanted @param {Facets} facets */
  const update = (wanted, facets) => {
    const range = facets.prices.find((one) => one.currency === wanted.currency) ?? facets.prices[0];
    currency = range?.currency ?? wanted.currency;
    prices.hidden = !range && wanted.least === null && wanted.most === null;
    legend.textContent = currency ? t("shop-price-in", { currency }) : t("shop-price");
    for (const [field, value, bound] of /** @type {const} */ ([[least, wanted.least, range?.least], [most, wanted.most, range?.most]])) {
      if (document.activeElement !== field) field.value = value === null ? "" : String(value);
      field.placeholder = bound === undefined ? "" : String(bound);
    }
    stock.checked = wanted.in_stock;
    sort.value = wanted.sort;
    drawBrands(wanted.brands, facets.brands);
  };
  /** @param {string[]} chosen @param {Record<string, number>} counts */
  const drawBrands = (chosen, counts) => {
    const names = [...new Set([...chosen, ...Object.keys(counts)])].slice(0, MOST_BRANDS);
    choice.hidden = names.length < 2 && !chosen.length;
    summary.textContent = chosen.length ? `${t("shop-brands")} (${chosen.length})` : t("shop-brands");
    const focused = /** @type {HTMLInputElement | null} */ (brands.querySelector(":focus"))?.value;
    const rows = names.map((name) => {
      const box = h("input", { type: "checkbox", value: name, checked: chosen.includes(name), onchange: () => change({ brands: toggled(chosen, name) }) });
      return h("label", { class: "check" }, box, h("span", { class: "shop-brand" }, name), h("span", { class: "chip-count" }, number(counts[name] ?? 0)));
    });
    fill(brands, ...rows);
    if (focused !== undefined) [...brands.querySelectorAll("input")].find((box) => box.value === focused)?.focus();
  };
  return { element, update };
}

/** @param {string[]} chosen @param {string} name */
const toggled = (chosen, name) => (chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);

/** @param {string} key @param {(value: number | null) => void} change */
function priceField(key, change) {
  const input = h("input", { class: "field", type: "number", min: 0, step: "any", inputmode: "decimal", "aria-label": t(key) });
  input.addEventListener("change", () => change(input.value === "" || !(input.valueAsNumber >= 0) ? null : input.valueAsNumber));
  return input;
}
