// The picture of a detail: enlarged by wheel, pinch, click and keys, swiped to the next; and its neighbours as a strip below.
import * as api from "/console/lib/api.js";
import { $, h } from "/console/lib/dom.js";
import { shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { show } from "/console/lib/router.js";
import { title } from "./dialog.js";
import { Zoom } from "./zoom.js";

const SWIPE = 56; // pixels to one side
const BESIDE = 12; // neighbours on either side
const LONG = 64; // letters of an id that a title shows

/**
 * The picture with its zoom; `turn(-1 or 1)` is called by a swipe.
 *
 * @param {string} id
 * @param {(by: number) => void} turn
 */
export function stage(id, turn) {
  const image = h("img", { alt: t("picture-of", { name: id }), class: "stage-picture" });
  const gone = h("p", { class: "query-missing", hidden: true }, t("no-preview"));
  image.addEventListener("error", () => {
    image.hidden = true;
    gone.hidden = false;
  });
  const layer = h("div", { class: "stage-frame" }, image, gone);
  const zoom = new Zoom([{ image, large: api.original(id), layer }]);
  const [{ frame }] = zoom.views;
  swipes(frame, () => zoom.scale === 1, turn);
  image.src = api.thumbnail(id, 1024);
  return h("div", { class: "stage" }, frame, zoom.controls);
}

/** @param {HTMLElement} frame @param {() => boolean} allowed @param {(by: number) => void} turn */
function swipes(frame, allowed, turn) {
  /** @type {PointerEvent | null} */
  let from = null;
  let fingers = 0;
  frame.addEventListener("pointerdown", (event) => {
    fingers += 1;
    from = fingers === 1 && event.pointerType === "touch" && allowed() ? event : null;
  });
  frame.addEventListener("pointerup", (event) => {
    fingers = 0;
    if (!from || !allowed()) return;
    const [x, y] = [event.clientX - from.clientX, event.clientY - from.clientY];
    if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) turn(x < 0 ? 1 : -1);
  });
  frame.addEventListener("pointercancel", () => (fingers = 0));
}

/**
 * Those before and after the picture that is shown.
 *
 * @param {string[]} ids
 * @param {string} id
 */
export function strip(ids, id) {
  const at = ids.indexOf(id);
  if (at < 0 || ids.length < 2) return null;
  /** @param {string} one */
  const small = (one) =>
    h(
      "button",
      { type: "button", onclick: () => show(one), "aria-label": shortName(one), "aria-current": one === id ? "true" : null, title: one },
      h("img", { src: api.thumbnail(one, 128), alt: "", width: 56, height: 56, loading: "lazy" }),
    );
  return h("nav", { class: "strip", "aria-label": t("neighbours") }, ...ids.slice(Math.max(0, at - BESIDE), at + BESIDE + 1).map(small));
}

/** Brings the one that is shown to the middle of the strip. @param {HTMLElement} dialog */
export function showCurrent(dialog) {
  const current = $(".strip [aria-current]", dialog);
  if (current) current.parentElement.scrollLeft = current.offsetLeft - (current.parentElement.clientWidth - current.clientWidth) / 2;
}

/**
 * An id as the title of a detail; one that is long is folded, and told whole where it is unfolded.
 *
 * @param {string} id
 */
export function idAsTitle(id) {
  if (id.length <= LONG) return [title({ class: "facts-title" }, id)];
  const name = shortName(id);
  const short = name.length <= LONG ? name : `${name.slice(0, LONG / 2)}…${name.slice(-LONG / 4)}`;
  return [title({ class: "facts-title", title: id }, short), h("details", { class: "long-id" }, h("summary", {}, t("whole-id")), h("code", {}, id))];
}
