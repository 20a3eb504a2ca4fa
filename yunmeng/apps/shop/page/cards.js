// Products as cards: the picture that fits best, the others behind it, title, price, and the way to the shop.
import { thumbnail } from "/console/lib/api.js";
import { button, h } from "/console/lib/dom.js";
import { language, t } from "/console/lib/i18n.js";
import { href } from "/console/lib/router.js";

/** @import { Product } from "./api.js" */

const SIDE = 512; // of pictures, which cards show at some 250 pixels

/**
 * A price as the language writes it.
 *
 * @param {{ price: number | null, currency: string }} product
 */
export function priceOf({ price, currency }) {
  if (price === null) return t("shop-no-price");
  const locale = language() === "zh" ? "zh-CN" : "en";
  return new Intl.NumberFormat(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(price);
}

/**
 * @param {Product} product
 * @param {(product: Product) => void} onClick Somebody chose it.
 */
export function card(product, onClick) {
  const { id, title, brand, link, stock } = product;
  const image = h("img", { src: thumbnail(product.picture, SIDE), alt: "", loading: "lazy", width: 240, height: 240 });
  const soldOut = stock === 0;
  const picture = h("div", { class: "product-picture" }, image, soldOut && h("span", { class: "product-badge" }, t("shop-sold-out")), turner(product, image));
  const name = link
    ? h("a", { class: "product-link", href: link, target: "_blank", rel: "noopener", title, "aria-label": t("shop-opens", { name: title }), onclick: () => onClick(product), onauxclick: () => onClick(product) }, title)
    : h("span", { title }, title);
  const similar = h("a", { class: "outline small", href: href({ page: "shop", id }), "aria-label": t("shop-similar-to", { name: title }), onclick: () => onClick(product) }, t("shop-similar"));
  return h(
    "li",
    { class: soldOut ? "product sold-out" : "product", "data-product": id },
    picture,
    h("h2", { class: "product-title" }, name),
    h("p", { class: "product-brand" }, brand),
    h("div", { class: "product-foot" }, h("span", { class: "product-price" }, priceOf(product)), similar),
  );
}

/**
 * The button that turns to a product's next picture; null where it has only one.
 *
 * @param {Product} product
 * @param {HTMLImageElement} image
 */
function turner({ title, picture, others }, image) {
  if (!others.length) return null;
  const pictures = [picture, ...others];
  let at = 0;
  const label = () => t("shop-pictures", { name: title, at: at + 1, n: pictures.length });
  const turn = button("right", label(), () => {
    at = (at + 1) % pictures.length;
    image.src = thumbnail(pictures[at], SIDE);
    for (const name of ["title", "aria-label"]) turn.setAttribute(name, label());
  }, { class: "quiet round small product-turn" });
  return turn;
}
