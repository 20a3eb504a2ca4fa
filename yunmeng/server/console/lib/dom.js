// Elements made in code. Text always goes in as text, never as markup.
import { SHAPES } from "./icons.js";

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "multiple", "open", "inert", "readOnly", "textContent"]);
const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("button", { class: "quiet", onclick: act }, "Go")`. Children that are null or false are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) put(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function put(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) element[name] = value;
  else if (name === "class") element.className = value;
  else if (value !== false) element.setAttribute(name, value === true ? "" : value);
}

/** An element of a drawing. */
export function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** One of the shapes in icons.js. Decoration only: what it stands for must be said in words beside it or in a label. */
export const icon = (name) =>
  drawn("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, drawn("path", { d: SHAPES[name] }));

/** A button with an icon; without `text` the label is read aloud and shown on hover. */
export function button(name, label, onclick, { text = false, kind = "quiet", ...props } = {}) {
  const content = [name && icon(name), text && h("span", {}, label)];
  const spoken = text ? {} : { "aria-label": label, title: label };
  return h("button", { type: "button", class: `${kind}${text ? "" : " round"}`, onclick, ...spoken, ...props }, ...content);
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** Calls `action` once the calls have paused for `wait` milliseconds; `.now(...)` calls it at once, `.cancel()` never. */
export function debounce(action, wait) {
  let timer;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait, ...values);
  };
  later.cancel = () => clearTimeout(timer);
  later.now = (...values) => {
    clearTimeout(timer);
    action(...values);
  };
  return later;
}
