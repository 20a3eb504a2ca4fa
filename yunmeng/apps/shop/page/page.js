// The shop: what a photo or words find, as its customers see it.
import { addStyles, button, fill, h, icon } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number } from "/console/lib/format.js";
import { addWords, t } from "/console/lib/i18n.js";
import { go, route } from "/console/lib/router.js";
import { isElsewhere, keptFile, may } from "/console/lib/store.js";
import { announce } from "/console/widgets/announce.js";
import { failure, notice } from "/console/widgets/states.js";
import * as shop from "./api.js";
import { card } from "./cards.js";
import { categoryChips, filterBar, narrows, NOTHING_WANTED, readWanted, spellWanted } from "./filters.js";
import { openImport } from "./importing.js";
import { askWithPhoto, photoButtons, photoPanel, reference, wordsField } from "./question.js";
import { thingsIn } from "./things.js";
import { SHOP_WORDS } from "./words.js";

/** @import { Receiver, Route } from "/console/lib/types.js" */
/** @import { Answer, Product, Wanted } from "./api.js" */

addWords(SHOP_WORDS);
await addStyles("/console/pages/shop/page.css");

const PAGE = 24;
const MOST_COUNTED = 200; // products of a result, as the server counts them

/** Photos whose things have been looked for: whoever wants all of one is not asked again. @type {Set<string>} */
const lookedAt = new Set();

/** @type {Answer} */
const NO_ANSWER = { products: [], total: 0, next_offset: null, guesses: [], facets: { categories: {}, brands: {}, prices: [] }, search: "" };

export default class ShopPage {
  static title = "shop-link";
  static scope = "search";

  constructor() {
    this.key = "";
    /** @type {Answer} The answer of the first page, which says what there is to choose from. */
    this.answer = NO_ANSWER;
    /** @type {Map<string, string>} The names of answers, by the products in them. */
    this.answers = new Map();
    /** @type {Feed<Product>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.words = wordsField();
    this.photo = photoPanel();
    this.reference = h("div", {});
    this.chips = categoryChips((folder) => go({ folder }));
    this.filters = filterBar((changes) => this.#want(changes));
    this.heading = h("h1", { class: "status", id: "shop-title" });
    this.list = h("ul", { class: "products", "aria-labelledby": "shop-title" });
    this.below = h("div", { class: "below" });
    this.more = button("down", t("shop-more"), () => this.feed.more(), { text: true, kind: "outline shop-more" });
    const bring = may("admin") && button("upload", t("shop-import"), () => openImport(() => this.feed.start()), { text: true, kind: "quiet small shop-bring" });
    const narrow = h("details", { class: "shop-narrow", open: !matchMedia("(max-width: 860px)").matches }, h("summary", {}, t("shop-filters")), this.filters.element);
    this.tools = h("div", { class: "shop-tools" }, this.chips.element, narrow);
    this.hero = h(
      "section",
      { class: "shop-hero" },
      h("div", { class: "shop-hello" }, h("p", { class: "shop-hero-title" }, t("shop-title")), h("p", {}, t("shop-welcome"))),
      h("div", { class: "shop-drop" }, icon("camera"), h("div", { class: "actions" }, ...photoButtons()), h("p", { class: "hint" }, t("shop-drop-hint"))),
      this.words?.element,
    );
    const side = h("aside", { class: "shop-side" }, this.photo.element, this.reference, this.hero);
    const results = h("section", { class: "shop-results", "aria-labelledby": "shop-title" }, h("div", { class: "bar" }, this.heading, bring), this.tools, this.list, this.below);
    this.element = h("div", { class: "shop-page" }, side, results);
  }

  /** @returns {Receiver} */
  receive() {
    return { hint: "shop-drop", files: ([file]) => askWithPhoto(file) };
  }

  destroy() {
    this.feed.stop();
    this.words?.stop();
  }

  /** @param {Route} now */
  async update(now) {
    this.words?.update(now);
    this.photo.update(now);
    const { id, text, upload, region, folder, view, filter } = now;
    const key = JSON.stringify([id, text, upload, region, folder, view, filter]);
    if (key === this.key) return;
    this.key = key;
    this.element.classList.toggle("asked", Boolean(id || text || upload));
    this.element.classList.toggle("with-photo", Boolean(upload));
    if (!id) this.reference.replaceChildren();
    await this.feed.start();
  }

  /** @param {Partial<Wanted>} changes */
  #want(changes) {
    const wanted = { ...readWanted(route()), ...changes };
    go({ filter: spellWanted(wanted) || null, folder: wanted.category, view: wanted.sort === "likeness" ? null : wanted.sort });
  }

  /**
   * @param {any} cursor
   * @param {AbortSignal} signal
   * @returns {Promise<{ items: Product[], next: any }>}
   */
  async #fetch(cursor, signal) {
    const { id, text, upload } = route();
    if (!id && !text && !upload) {
      const page = await shop.products(cursor, PAGE, signal);
      this.answer = { ...NO_ANSWER, total: page.total };
      return { items: page.products, next: page.next_cursor };
    }
    const answer = id ? await this.#similar(id, signal) : await this.#found(cursor ?? 0, signal);
    if (cursor === null) this.answer = answer;
    for (const product of answer.products) this.answers.set(product.id, answer.search);
    return { items: answer.products, next: answer.next_offset };
  }

  /** @param {string} id @param {AbortSignal} signal */
  async #similar(id, signal) {
    const [product, answer] = await Promise.all([shop.product(id, signal), shop.similar(id, PAGE, signal)]);
    this.reference.replaceChildren(reference(product));
    return answer;
  }

  /** @param {number} offset @param {AbortSignal} signal */
  async #found(offset, signal) {
    const { text, upload, region } = route();
    const file = upload ? keptFile(upload)?.file : undefined;
    let part = region;
    const isNew = file && upload && !lookedAt.has(upload);
    if (isNew) lookedAt.add(upload);
    if (isNew && !region) {
      part = (await thingsIn(upload, file))[0] ?? null;
      if (part && !signal.aborted) this.#noteRegion(part);
    }
    return shop.search({ file, text, region: part }, readWanted(route()), { k: PAGE, offset }, signal);
  }

  /**
   * Puts the thing that is searched for into the address, without another search.
   *
   * @param {NonNullable<Route["region"]>} region
   */
  #noteRegion(region) {
    const { id, text, upload, folder, view, filter } = route();
    this.key = JSON.stringify([id, text, upload, region, folder, view, filter]);
    go({ region }, { replace: true });
  }

  #draw() {
    const { items, status } = this.feed;
    const { id, text, upload } = route();
    const searched = Boolean(text || upload) && !id;
    this.list.classList.toggle("stale", status === "loading" && items.length > 0);
    this.element.setAttribute("aria-busy", String(["loading", "more"].includes(status)));
    if (status === "ready") this.#drawItems(items);
    this.tools.hidden = !searched || (upload !== null && isElsewhere(upload));
    if (status === "ready" && searched) {
      const wanted = readWanted(route());
      this.chips.update(wanted, this.answer.guesses, this.answer.facets);
      this.filters.update(wanted, this.answer.facets);
    }
    const said = this.#said();
    if (this.heading.textContent !== said) this.heading.textContent = said;
    if (status === "ready") announce(said);
    fill(this.below, this.#belowItems());
  }

  /** Cards that are shown already stay as they are. @param {Product[]} items */
  #drawItems(items) {
    const there = new Map([...this.list.children].map((one) => [/** @type {HTMLElement} */ (one).dataset.product, one]));
    const fresh = this.feed.next !== null || items.length !== there.size || items.some(({ id }) => !there.has(id));
    const keep = items.slice(0, there.size).every(({ id }, at) => this.list.children[at] === there.get(id));
    if (keep && !fresh && items.length === there.size) return;
    const from = keep ? there.size : 0;
    const made = items.slice(from).map((product) => card(product, () => this.#onClick(product)));
    if (keep) this.list.append(...made);
    else this.list.replaceChildren(...made);
  }

  #said() {
    const { status } = this.feed;
    const { id, text, upload } = route();
    if (status === "loading" || status === "new") return t("shop-looking");
    if (status === "failed") return t("shop-title");
    if (id) return t("shop-similar-title");
    if (!text && !upload) return t("shop-look-around");
    const { total, next_offset } = this.answer;
    return t(total >= MOST_COUNTED && next_offset !== null ? "shop-found-more" : "shop-found", { n: number(total) });
  }

  #belowItems() {
    const { status, next, items, error } = this.feed;
    if (status === "failed") return failure(error, () => this.feed.retry());
    if (status === "loading" || status === "more") return items.length && status === "loading" ? null : waiting();
    if (items.length) return next === null ? null : this.more;
    const { id, text, upload } = route();
    if (!id && !text && !upload) return notice("picture", t("shop-empty"), t(may("admin") ? "shop-empty-hint" : "shop-ask-keeper"), may("admin") && button("upload", t("shop-import"), () => openImport(() => this.feed.start()), { text: true, kind: "solid" }));
    const wanted = readWanted(route());
    const clear = narrows(wanted) && button("close", t("shop-clear"), () => this.#want(NOTHING_WANTED), { text: true, kind: "outline" });
    return notice("search", t("shop-none"), t("shop-none-hint"), clear);
  }

  /** @param {Product} product */
  #onClick({ id }) {
    const search = this.answers.get(id);
    if (search) shop.click(search, id).catch(() => {}); // a log that is not kept hinders nobody
  }
}

function waiting() {
  const cards = Array.from({ length: 8 }, () => h("div", { class: "product-waiting" }));
  return h("div", { class: "products", "aria-hidden": "true" }, ...cards);
}
