// The question box: words, an address or an id, and the buttons for a picture.
import { asksByColourAlone } from "/console/lib/colours.js";
import { debounce, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { ask, go, route } from "/console/lib/router.js";
import { keepFile, readsWords } from "/console/lib/store.js";
import { fail } from "./announce.js";

/** @import { Props, Shape } from "/console/lib/dom.js" */
/** @import { Route } from "/console/lib/types.js" */

const PAUSE = 350; // milliseconds of no typing after which words are searched for

/**
 * Searches with a file that the user gave.
 *
 * @param {File | undefined} file
 */
export async function askWithFile(file) {
  if (!file) return;
  try {
    ask({ upload: await keepFile(file) });
  } catch (error) {
    fail(error);
  }
}

/**
 * What the text in the box asks, or null. Words only where the library reads them: otherwise text is an id.
 *
 * @param {string} text
 * @returns {{ id: string } | { url: string } | { text: string } | null}
 */
export function questionIn(text) {
  const asked = text.trim();
  if (!asked) return null;
  if (/^https?:\/\//i.test(asked)) return { url: asked };
  if (/^id:/i.test(asked)) return asked.length > 3 ? { id: asked.slice(3).trim() } : null;
  return readsWords() && !/^\S+\.\w{2,5}$/.test(asked) ? { text: asked } : { id: asked };
}

/**
 * Words in the place of words, or beside nothing but a colour, leave what else is asked for as it is; anything else is a new
 * question.
 *
 * @param {Partial<Route>} question
 * @param {{ replace?: boolean }} [options]
 */
const askOrReword = (question, options) =>
  question.text && (route().text || asksByColourAlone(route())) ? go({ page: "search", text: question.text, show: null }, options) : ask(question, options);

/**
 * The text that stands for the route's question.
 *
 * @param {Route} route
 */
const textOf = ({ id, url, text }) => url ?? text ?? (id && `id:${id}`) ?? "";

export function questionBox() {
  const input = h("input", {
    class: "box-input", type: "search", name: "question", id: "question", autocomplete: "off", spellcheck: "false",
    enterkeyhint: "search", "aria-label": t("box-label"), placeholder: placeholder(),
  });
  const submit = () => {
    later.cancel();
    const question = questionIn(input.value);
    if (question) askOrReword(question);
    else if (!input.value.trim()) ask({ color: route().color }); // which can be removed by itself
  };
  // Words are cheap to try; half an address or half an id would only fail.
  const later = debounce(() => {
    const question = questionIn(input.value);
    if (question && "text" in question) askOrReword(question, { replace: route().text !== null });
  }, PAUSE);
  const onType = () => (input.value ? later() : submit());
  // Chinese is typed as pinyin first, which is not yet what is asked.
  input.addEventListener("input", (event) => event.isComposing || onType());
  input.addEventListener("compositionstart", later.cancel);
  input.addEventListener("compositionend", onType);
  input.addEventListener("paste", (event) => {
    if (/^\s*https?:\/\/\S+\s*$/i.test(event.clipboardData?.getData("text") ?? "")) setTimeout(submit); // once it is in the box
  });
  const form = h(
    "form",
    { class: "box", role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), submit()) },
    icon("search"),
    input,
    pickButton("picture", "choose-picture", {}),
    pickButton("camera", "take-photo", { capture: "environment" }),
  );
  const update = () => {
    if (document.activeElement !== input || route().text === null) input.value = textOf(route());
    input.placeholder = placeholder();
  };
  return { element: form, input, update };
}

const placeholder = () => t(readsWords() ? "box-with-words" : "box-without-words");

/**
 * A button that lets a picture be chosen or, with `capture` on a phone, be taken.
 *
 * @param {Shape} shape
 * @param {string} key
 * @param {Props} properties
 * @param {{ text?: boolean, kind?: string }} look
 */
export function pickButton(shape, key, properties, { text = false, kind = "quiet" } = {}) {
  const input = h("input", { type: "file", accept: "image/*", hidden: true, name: key, ...properties });
  input.addEventListener("change", () => {
    askWithFile(input.files?.[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  const press = () => input.click();
  const spoken = text ? {} : { "aria-label": t(key), title: t(key) };
  const look = `${kind}${text ? "" : " round"} pick-${shape}`;
  return [
    h("button", { type: "button", class: look, onclick: press, ...spoken }, icon(shape), text && h("span", {}, t(key))),
    input,
  ];
}
