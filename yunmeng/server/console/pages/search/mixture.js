// What is asked with beside the first picture or words: chips with a weight each, and a field for more.
import * as api from "/console/lib/api.js";
import { button, debounce, h, icon } from "/console/lib/dom.js";
import { number, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { askedWith, keyOf, nameOf, partsOf, withoutPart, withPart } from "/console/lib/parts.js";
import { go, route } from "/console/lib/router.js";
import { keptFile, readsWords } from "/console/lib/store.js";
import { questionIn } from "/console/widgets/box.js";
import { outline } from "/console/widgets/outline.js";

/** @import { QueryPart, Region, Route } from "/console/lib/types.js" */

const PAUSE = 200; // milliseconds without a movement of a weight, after which the server is asked
const LEAST = 0.25;
const MOST = 2;

/** { element, update(route) }. Chips stay where they are while their weights move, or the finger would lose them. */
export function mixturePanel() {
  /** @type {Map<string, ReturnType<typeof chip>>} */
  const chips = new Map();
  const list = h("ul", { class: "parts", "aria-label": t("mixture") });
  const add = addField();
  const element = h("div", { class: "mixture" }, list, add.element);
  const later = debounce((/** @type {QueryPart[]} */ parts) => go(askedWith(parts), { replace: true }), PAUSE);
  /** @param {string} key @param {number} weight @param {boolean} done */
  const weigh = (key, weight, done) => {
    const parts = partsOf(route()).map((part) => (keyOf(part) === key ? { ...part, weight } : part));
    if (done) later.now(parts);
    else later(parts);
  };
  /** @param {string} key */
  const remove = (key) => {
    const at = [...list.children].findIndex((child) => child === chips.get(key)?.element);
    go(askedWith(withoutPart(partsOf(route()), key)));
    const left = [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(".part-remove"))];
    (left[Math.min(at, left.length - 1)] ?? add.input).focus(); // the button that had the keyboard is gone
  };
  /** @param {Route} now */
  const update = (now) => {
    later.cancel();
    const parts = partsOf(now);
    const shown = parts.length > 1 || parts.some((part) => part.weight < 0) ? parts : [];
    const keys = shown.map(keyOf);
    for (const key of chips.keys()) if (!keys.includes(key)) chips.delete(key);
    const wanted = shown.map((part) => {
      const key = keyOf(part);
      const known = chips.get(key) ?? chip(part, (weight, done) => weigh(key, weight, done), () => remove(key));
      chips.set(key, known);
      known.set(part);
      return known.element;
    });
    arrange(list, wanted);
    list.hidden = !shown.length;
  };
  return { element, update, stop: later.cancel };
}

/**
 * Makes `wanted` the children, touching only those that are not in their place: one that is moved loses the keyboard.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement[]} wanted
 */
function arrange(list, wanted) {
  for (const child of [...list.children]) if (!wanted.some((one) => one === child)) child.remove();
  wanted.forEach((child, index) => list.children[index] !== child && list.insertBefore(child, list.children[index] ?? null));
}

/** @param {QueryPart} part @param {(weight: number, done: boolean) => void} onWeight @param {() => void} onRemove */
function chip(part, onWeight, onRemove) {
  const { kind, value } = nameOf(part);
  const name = kind === "upload" ? (keptFile(value)?.file.name ?? "") : value;
  const label = kind === "text" ? name : shortName(name);
  const picture = h("span", { class: "part-picture", "aria-hidden": "true" });
  const weight = weightControl(label, kind === "upload", onWeight);
  const element = h(
    "li",
    { class: "part", "data-kind": kind },
    picture,
    h("span", { class: "name", title: name }, label),
    button("close", t("part-remove", { name: label }), onRemove, { class: "quiet round small part-remove" }),
    weight.element,
  );
  /** @type {string | undefined} */
  let drawnRegion;
  /** @param {QueryPart} now */
  const set = (now) => {
    weight.set(now.weight);
    element.classList.toggle("unliked", now.weight < 0);
    const region = JSON.stringify(now.region);
    if (region !== drawnRegion) picture.replaceChildren(...thumbnail(kind, value, now.region));
    drawnRegion = region;
  };
  return { element, set };
}

/**
 * @param {"id" | "url" | "text" | "upload"} kind
 * @param {string} value
 * @param {Region | null | undefined} region
 * @returns {Element[]}
 */
function thumbnail(kind, value, region) {
  if (kind === "text") return [icon("words")];
  const image = h("img", { alt: "", width: 44, height: 44, draggable: "false" });
  image.addEventListener("error", () => image.replaceWith(icon("picture")));
  image.src = kind === "id" ? api.thumbnail(value, 128) : kind === "url" ? api.preview(value, 128) : (keptFile(value)?.url ?? "");
  if (!region) return [image];
  const [x, y, w, hgt] = region;
  return [image, outline(image, { x, y, w, h: hgt }, "cover")];
}

/** @param {number} weight */
const signed = (weight) => `${weight < 0 ? "−" : "+"}${number(Math.abs(weight), 2)}`;

/**
 * The sign as a button, the size as a slider. What is uploaded can only be liked: the API takes it so.
 *
 * @param {string} name
 * @param {boolean} onlyLiked
 * @param {(weight: number, done: boolean) => void} onWeight
 */
function weightControl(name, onlyLiked, onWeight) {
  let weight = 1;
  const sign = h("button", {
    type: "button", class: "quiet round small part-sign", "aria-label": t("part-unlike", { name }), disabled: onlyLiked,
    title: t(onlyLiked ? "part-only-liked" : "unlike"), onclick: () => (set(-weight), onWeight(weight, true)),
  });
  const slider = h("input", { type: "range", min: LEAST, max: MOST, step: 0.25, "aria-label": t("part-weight", { name }) });
  const shown = h("output", { class: "part-weight" });
  /** @param {boolean} done */
  const move = (done) => {
    set(Math.sign(weight) * slider.valueAsNumber);
    onWeight(weight, done);
  };
  slider.addEventListener("input", () => move(false));
  slider.addEventListener("change", () => move(true));
  /** @param {number} next */
  const set = (next) => {
    weight = next;
    sign.setAttribute("aria-pressed", String(weight < 0));
    sign.replaceChildren(icon(weight < 0 ? "minus" : "plus"));
    if (slider.valueAsNumber !== Math.abs(weight)) slider.value = String(Math.abs(weight));
    slider.style.setProperty("--to", `${((slider.valueAsNumber - LEAST) / (MOST - LEAST)) * 100}%`);
    slider.setAttribute("aria-valuetext", `${t(weight < 0 ? "unlike" : "like")} ${signed(weight)}`);
    shown.textContent = signed(weight);
  };
  return { element: h("div", { class: "part-controls" }, sign, slider, shown), set };
}

/** A field for words, an address or an id that are to join the question. */
function addField() {
  const label = t(readsWords() ? "part-add-words" : "part-add");
  const input = h("input", { class: "field", id: "part-add", "aria-label": label, placeholder: label, autocomplete: "off", enterkeyhint: "done" });
  /** @param {SubmitEvent} event */
  const onsubmit = (event) => {
    event.preventDefault();
    const part = questionIn(input.value);
    if (!part) return;
    input.value = "";
    go(askedWith(withPart(partsOf(route()), { ...part, weight: 1 })));
  };
  return { input, element: h("form", { class: "part-add", onsubmit }, input, submitButton()) };
}

const submitButton = () => h("button", { class: "quiet round small", "aria-label": t("add"), title: t("add") }, icon("plus"));
