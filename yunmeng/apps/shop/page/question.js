// What is asked with: the photo, with the part of it that counts drawn on it, and words.
import { subject, thumbnail } from "/console/lib/api.js";
import { button, debounce, fill, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { go } from "/console/lib/router.js";
import { keepFile, keptFile, readsWords } from "/console/lib/store.js";
import { RegionEditor } from "/console/pages/search/region.js";
import { fail } from "/console/widgets/announce.js";
import { priceOf } from "./cards.js";

/** @import { Shape } from "/console/lib/dom.js" */
/** @import { Region, Route } from "/console/lib/types.js" */
/** @import { Product } from "./api.js" */

const PAUSE = 500; // milliseconds of no typing after which words are searched for
const NEARLY_ALL = 0.9; // of the photo: such a subject is not drawn

/**
 * Asks the shop with a photo.
 *
 * @param {File | undefined} file
 */
export async function askWithPhoto(file) {
  if (!file) return;
  try {
    go({ page: "shop", id: null, url: null, upload: await keepFile(file), region: null, folder: null, show: null });
  } catch (error) {
    fail(error);
  }
}

/**
 * The subject of a photo, or null where it is nearly all of it or not to be told.
 *
 * @param {File} file
 * @returns {Promise<Region | null>}
 */
export async function findSubject(file) {
  try {
    const { region } = await subject({ file });
    const { x, y, w, h: height } = region;
    return w * height < NEARLY_ALL ? [x, y, w, height] : null;
  } catch {
    return null; // the whole photo will do
  }
}

/** Buttons that take or choose a photo. */
export function photoButtons() {
  return [photoButton("camera", "shop-camera", { capture: "environment" }), photoButton("picture", "shop-choose", {})];
}

/** @param {Shape} shape @param {string} key @param {Record<string, string>} properties */
function photoButton(shape, key, properties) {
  const input = h("input", { type: "file", accept: "image/*", hidden: true, name: key, ...properties });
  input.addEventListener("change", () => {
    askWithPhoto(input.files?.[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  return h("span", { class: key }, button(shape, t(key), () => input.click(), { text: true, kind: "solid" }), input);
}

/** The field for words; null where the library reads none. */
export function wordsField() {
  if (!readsWords()) return null;
  const input = h("input", { class: "box-input", type: "search", id: "shop-words", autocomplete: "off", enterkeyhint: "search" });
  const ask = () => go({ page: "shop", id: null, text: input.value.trim() || null });
  const later = debounce(ask, PAUSE);
  input.addEventListener("input", (event) => /** @type {InputEvent} */ (event).isComposing || later());
  input.addEventListener("compositionend", () => later());
  const element = h("form", { class: "box shop-box", role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), later.cancel(), ask()) }, icon("search"), input);
  /** @param {Route} route */
  const update = ({ text, upload, url }) => {
    if (document.activeElement !== input) input.value = text ?? "";
    input.placeholder = t(upload || url ? "shop-words-beside" : "shop-words");
    input.setAttribute("aria-label", input.placeholder);
  };
  return { element, update, stop: later.cancel };
}

/** The photo, or the product whose like is looked for. */
export function photoPanel() {
  const element = h("section", { class: "shop-photo", "aria-label": t("shop-photo"), hidden: true });
  let key = "";
  /** @type {RegionEditor | null} */
  let editor = null;
  /** @param {Region | null} region */
  const choose = (region) => go({ region });
  /** @param {string} source */
  const draw = (source) => {
    const frame = h("div", { class: "query-frame" }, h("img", { class: "query-picture", src: source, alt: t("shop-photo"), draggable: "false" }));
    editor = new RegionEditor(frame, (region, done) => done && choose(region));
    fill(element, h("div", { class: "query-stage" }, frame));
  };
  /** @param {Route} route */
  const update = (route) => {
    const file = route.upload ? keptFile(route.upload) : null;
    element.hidden = !file;
    if (!file) {
      key = "";
      return;
    }
    if (key !== route.upload) {
      key = route.upload ?? "";
      draw(file.url);
      const whole = button("large", t("shop-whole"), () => choose(null), { text: true, kind: "quiet small shop-whole" });
      const main = button("subject", t("shop-subject"), async () => choose(await findSubject(file.file)), { text: true, kind: "quiet small shop-main" });
      const remove = button("close", t("shop-remove-photo"), () => go({ upload: null, region: null, folder: null }), { kind: "quiet small" });
      element.append(h("div", { class: "query-foot" }, whole, main, remove));
    }
    if (JSON.stringify(editor?.region) !== JSON.stringify(route.region)) editor?.set(route.region);
    /** @type {HTMLElement} */ (element.querySelector(".shop-whole")).hidden = !route.region;
    /** @type {HTMLElement} */ (element.querySelector(".shop-main")).hidden = Boolean(route.region);
  };
  return { element, update };
}

/**
 * The product whose like is looked for.
 *
 * @param {Product} product
 */
export function reference(product) {
  const remove = button("close", t("close"), () => go({ id: null }), { kind: "quiet small" });
  return h(
    "section",
    { class: "shop-reference", "aria-label": product.title },
    h("img", { src: thumbnail(product.picture, 256), alt: "", width: 96, height: 96 }),
    h("div", {}, h("p", { class: "product-title" }, product.title), h("p", { class: "product-price" }, priceOf(product))),
    remove,
  );
}
