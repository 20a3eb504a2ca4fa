// Elements made in code. Text always goes in as text, never as markup.
import { SHAPES } from "./icons.js";
import { at } from "./place.js";

/** @typedef {keyof typeof SHAPES} Shape */

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "multiple", "open", "inert", "readOnly", "textContent"]);
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {string | Node | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

/**
 * An element: `h("button", { class: "quiet", onclick: act }, "Go")`. Children that are null or false are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} props
 * @param {(Child | Child[])[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) put(element, name, value);
  element.append(...children.flat().filter(isShown));
  return element;
}

/**
 * Puts children in the place of those that an element has; such as are null or false are left out.
 *
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
export const fill = (element, ...children) => element.replaceChildren(...children.flat().filter(isShown));

/** @type {(child: Child) => child is string | Node} */
const isShown = (child) => child !== null && child !== undefined && child !== false;

/** @param {any} element @param {string} name @param {any} value */
function put(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else if (name === "class") element.className = value;
  else if (value !== false) element.setAttribute(name, value === true ? "" : value);
}

/**
 * An element of a drawing.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {SVGElement[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * One of the shapes in icons.js. Decoration only: what it stands for must be said in words beside it or in a label.
 *
 * @param {Shape} name
 */
export const icon = (name) =>
  drawn("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, drawn("path", { d: SHAPES[name] }));

/**
 * A button with an icon; without `text` the label is read aloud and shown on hover.
 *
 * @param {Shape | ""} name
 * @param {string} label
 * @param {(event: MouseEvent & { currentTarget: HTMLElement }) => void} onclick
 * @param {{ text?: boolean, kind?: string } & Props} options
 */
export function button(name, label, onclick, { text = false, kind = "quiet", ...props } = {}) {
  const content = [name && icon(name), text && h("span", {}, label)];
  const spoken = text ? {} : { "aria-label": label, title: label };
  return h("button", { type: "button", class: `${kind}${text ? "" : " round"}`, onclick, ...spoken, ...props }, ...content);
}

/**
 * The first element that a selector fits. What it is, and whether it is there, the caller knows.
 *
 * @param {string} selector
 * @param {ParentNode} within
 * @returns {any}
 */
export const $ = (selector, within = document) => within.querySelector(selector);

/**
 * Loads a sheet of styles; resolves once it is in use.
 *
 * @param {string} address
 * @returns {Promise<void>}
 */
export const addStyles = (address) =>
  new Promise((resolve, reject) => {
    if ($(`link[data-holds~="${address}"]`)) return resolve(); // joined with the others, see server/bundle.py
    const onload = () => resolve();
    const onerror = () => reject(new Error(`${address} cannot be loaded`));
    document.head.append(h("link", { rel: "stylesheet", href: at(address), onload, onerror }));
  });

/** The element that has the keyboard; the page's body for none. */
export const focused = () => /** @type {HTMLElement} */ (document.activeElement ?? document.body);

/**
 * Calls `action` once the calls have paused for `wait` milliseconds; `.now(...)` calls it at once, `.cancel()` never.
 *
 * @template {unknown[]} Values
 * @param {(...values: Values) => void} action
 * @param {number} wait
 */
export function debounce(action, wait) {
  /** @type {number | undefined} */
  let timer;
  /** @param {Values} values */
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait, ...values);
  };
  later.cancel = () => clearTimeout(timer);
  /** @param {Values} values */
  later.now = (...values) => {
    clearTimeout(timer);
    action(...values);
  };
  return later;
}
