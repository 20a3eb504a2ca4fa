// What is asked with: the photo, with the part of it that counts drawn on it, and words.
import { thumbnail } from "/console/lib/api.js";
import { button, debounce, fill, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { go, route } from "/console/lib/router.js";
import { keepFile, keptFile, readsWords } from "/console/lib/store.js";
import { RegionEditor } from "/console/pages/search/region.js";
import { fail } from "/console/widgets/announce.js";
import { priceOf } from "./cards.js";
import { thingFrames, thingsIn } from "./things.js";

/** @import { Shape } from "/console/lib/dom.js" */
/** @import { Region, Route } from "/console/lib/types.js" */
/** @import { Product } from "./api.js" */

const PAUSE = 500; // milliseconds of no typing after which words are searched for

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

/** The photo, with a button for each thing in it. */
export function photoPanel() {
  const element = h("section", { class: "shop-photo", "aria-label": t("shop-photo"), hidden: true });
  let key = "";
  /** @type {RegionEditor | null} */
  let editor = null;
  /** @param {Region | null} region */
  const choose = (region) => go({ region });
  const things = thingFrames(choose);
  const hint = h("p", { class: "hint", hidden: true });
  const whole = button("large", t("shop-whole"), () => choose(null), { text: true, kind: "quiet small shop-whole" });
  const main = button("subject", t("shop-subject"), () => choose(first), { text: true, kind: "quiet small shop-main" });
  const remove = button("close", t("shop-remove-photo"), () => go({ upload: null, region: null, folder: null }), { kind: "quiet small" });
  /** The main thing. @type {Region | null} */
  let first = null;
  /** @param {Region[]} found */
  const show = (found) => {
    first = found[0] ?? null;
    things.show(found);
    hint.hidden = found.length < 2;
    hint.textContent = t("shop-things-hint", { n: found.length });
  };
  /** @param {string} source */
  const draw = (source) => {
    const frame = h("div", { class: "query-frame" }, h("img", { class: "query-picture", src: source, alt: t("shop-photo"), draggable: "false" }));
    editor = new RegionEditor(frame, (region, done) => (things.mark(region), done && choose(region)));
    frame.append(things.element);
    fill(element, [h("div", { class: "query-stage" }, frame), hint, h("div", { class: "query-foot" }, whole, main, remove)]);
  };
  /** @param {Region | null} region */
  const mark = (region) => {
    things.mark(region);
    whole.hidden = !region;
    main.hidden = Boolean(region) || !first;
  };
  /** @param {Route} now */
  const update = (now) => {
    const { upload, region } = now;
    const file = upload ? keptFile(upload) : null;
    element.hidden = !file;
    if (!file || !upload) {
      key = "";
      return;
    }
    if (key !== upload) {
      key = upload;
      show([]);
      draw(file.url);
      thingsIn(upload, file.file).then((found) => {
        if (key !== upload) return;
        show(found);
        mark(route().region);
      });
    }
    if (JSON.stringify(editor?.region) !== JSON.stringify(region)) editor?.set(region);
    mark(region);
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
