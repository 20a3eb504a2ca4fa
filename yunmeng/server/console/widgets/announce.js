// What is told to everyone at once: short messages at the foot of the page, and what screen readers are told.
import { ApiError } from "/console/lib/api.js";
import { $, button, h } from "/console/lib/dom.js";
import { has, language, t } from "/console/lib/i18n.js";

/**
 * Tells a screen reader, once it has finished what it is saying.
 *
 * @param {string} text
 */
export function announce(text) {
  const place = $("#announcer");
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Shows a message for a while; a failure stays until it is closed. `action` is { label, act }, such as an undo.
 *
 * @param {string} text
 * @param {{ failure?: boolean, action?: { label: string, act: () => void } | null }} options
 */
export function toast(text, { failure = false, action = null } = {}) {
  const close = () => element.remove();
  const press = action && button("", action.label, () => (close(), action.act()), { text: true, class: "toast-action" });
  const element = h(
    "div",
    { class: `toast${failure ? " failure" : ""}`, role: failure ? "alert" : "status" },
    h("span", {}, text),
    press,
    button("close", t("close"), close),
  );
  // An open <dialog> lies above everything that is not inside it.
  ([...document.querySelectorAll("dialog:modal")].at(-1) ?? $("#toasts")).append(element);
  element.classList.toggle("inside", element.parentElement?.localName === "dialog");
  if (!failure) setTimeout(close, action ? 12_000 : 4000);
}

/**
 * An error in words: what it means and what to do, then what the server said, which is English.
 *
 * @param {unknown} error
 * @returns {{ title: string, detail: string }}
 */
export function explain(error) {
  if (!(error instanceof ApiError)) {
    console.error(error); // a fault of this page's own
    return { title: t("error.internal"), detail: said(error instanceof Error ? error.message : String(error)) };
  }
  const wait = error.retryAfter ? ` ${t("retry-after", { n: error.retryAfter })}` : "";
  return { title: meaning(error.code) + wait, detail: said(error.message) };
}

/** @param {string} code */
const meaning = (code) => t(has(`error.${code}`) ? `error.${code}` : "error.other");

/** What the server says is left out where people read another language: the code has said it. @param {string} message */
const said = (message) => (language() === "en" ? message : "");

/**
 * An error in a line, for a place beside what caused it.
 *
 * @param {unknown} error
 */
export function inLine(error) {
  const { title, detail } = explain(error);
  return detail || title;
}

/**
 * A reason that the server has kept as text, which begins with its code.
 *
 * @param {string} text
 */
export function reasonText(text) {
  const code = /^([a-z]+(?:-[a-z]+)*)(?::|$)/.exec(text)?.[1] ?? "";
  if (language() === "en") return text;
  return meaning(code);
}

/**
 * Whether it may go better the next time: what the server is too busy for, not what is wrong with the question.
 *
 * @param {unknown} error
 */
export const mayPass = (error) => !(error instanceof ApiError) || error.status === 0 || error.status >= 500 || [401, 408, 429].includes(error.status);

/** @param {unknown} error */
export function fail(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  const { title, detail } = explain(error);
  toast(detail ? `${title} (${detail})` : title, { failure: true });
}
