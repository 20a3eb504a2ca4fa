// A rectangle on a picture, drawn, moved and resized with mouse, finger or keyboard. All in fractions of the picture.
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";

/** @import { Region } from "/console/lib/types.js" */

const LEAST = 0.03; // of a side: less is a click that slipped
const STEP = 0.02; // of a side for an arrow key
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
/** @param {number} a @param {number} b */
const ordered = (a, b) => (a < b ? [a, b] : [b, a]);

export class RegionEditor {
  /**
   * Covers `picture`, an element that has the picture's exact box; `onChange(region or null, done)` follows each move.
   *
   * @param {HTMLElement} picture
   * @param {(region: Region | null, done: boolean) => void} onChange
   */
  constructor(picture, onChange) {
    this.picture = picture;
    this.onChange = onChange;
    /** @type {Region | null} */
    this.region = null;
    this.box = h(
      "div",
      { class: "region", tabindex: 0, role: "application", "aria-label": t("region-label"), "aria-roledescription": t("region"), hidden: true },
      ...HANDLES.map((side) => h("span", { class: `handle ${side}`, "data-side": side })),
    );
    picture.append(this.box);
    picture.addEventListener("pointerdown", (event) => this.#onDown(event));
    this.box.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * Shows `region`, [x, y, w, h] or null, without telling anyone.
   *
   * @param {Region | null} region
   */
  set(region) {
    this.region = region;
    this.box.hidden = !region;
    this.picture.classList.toggle("has-region", Boolean(region));
    if (!region) return;
    const [x, y, w, hgt] = region.map((part) => `${part * 100}%`);
    Object.assign(this.box.style, { left: x, top: y, width: w, height: hgt });
    this.box.setAttribute("aria-description", region.map((part) => `${Math.round(part * 100)}%`).join(" "));
  }

  /** For the keyboard: a rectangle in the middle, ready to be moved. */
  begin() {
    this.choose([0.25, 0.25, 0.5, 0.5]);
  }

  /**
   * Sets a rectangle that was found, and leaves the keyboard on it.
   *
   * @param {Region} region
   */
  choose(region) {
    this.#change(region, true);
    this.box.focus({ preventScroll: true });
  }

  clear() {
    this.#change(null, true);
  }

  /** @param {Region | null} region @param {boolean} done */
  #change(region, done) {
    this.set(region);
    this.onChange(region, done);
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  #place(event) {
    const { left, top, width, height } = this.picture.getBoundingClientRect();
    return [clamp((event.clientX - left) / width, 0, 1), clamp((event.clientY - top) / height, 0, 1)];
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button !== 0 || /** @type {HTMLElement} */ (event.target).closest("button")) return;
    event.preventDefault();
    const from = this.#place(event);
    const before = this.region;
    const side = /** @type {HTMLElement} */ (event.target).dataset.side;
    const inside = event.target === this.box;
    /** @param {[number, number]} to @returns {Region} */
    const move = (to) => {
      if (side && before) return stretched(before, side, to);
      return inside && before ? moved(before, to[0] - from[0], to[1] - from[1]) : between(from, to);
    };
    this.#follow(event, move, before);
  }

  /** @param {PointerEvent} event @param {(to: [number, number]) => Region} move @param {Region | null} before */
  #follow(event, move, before) {
    const { picture } = this;
    picture.setPointerCapture(event.pointerId);
    /** @param {PointerEvent} now */
    const onMove = (now) => {
      const region = move(this.#place(now));
      if (region[2] >= LEAST && region[3] >= LEAST) this.#change(region, false);
    };
    /** @param {PointerEvent} now */
    const onEnd = (now) => {
      picture.removeEventListener("pointermove", onMove);
      picture.removeEventListener("pointerup", onEnd);
      picture.removeEventListener("pointercancel", onEnd);
      if (now.type === "pointercancel") this.#change(before, true);
      else if (this.region !== before) this.#change(this.region, true);
      if (this.region) this.box.focus({ preventScroll: true });
    };
    picture.addEventListener("pointermove", onMove);
    picture.addEventListener("pointerup", onEnd);
    picture.addEventListener("pointercancel", onEnd);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.clear();
      this.picture.focus?.();
    }
    if (!(event.key in ways) || !this.region) return;
    event.preventDefault();
    const [x, y, w, hgt] = this.region;
    const [dx, dy] = ways[event.key];
    if (!event.shiftKey) return this.#change(moved(this.region, dx, dy), true);
    return this.#change([x, y, clamp(w + dx, LEAST, 1 - x), clamp(hgt + dy, LEAST, 1 - y)], true);
  }
}

/** @param {[number, number]} a @param {[number, number]} b @returns {Region} */
function between(a, b) {
  const [left, right] = ordered(a[0], b[0]);
  const [top, bottom] = ordered(a[1], b[1]);
  return [left, top, right - left, bottom - top];
}

/** @param {Region} region @param {number} dx @param {number} dy @returns {Region} */
const moved = ([x, y, w, hgt], dx, dy) => [clamp(x + dx, 0, 1 - w), clamp(y + dy, 0, 1 - hgt), w, hgt];

/**
 * The rectangle with the sides named in `side`, such as "nw", pulled to a point.
 *
 * @param {Region} region
 * @param {string} side
 * @param {[number, number]} to
 * @returns {Region}
 */
function stretched([x, y, w, hgt], side, [toX, toY]) {
  let [left, top, right, bottom] = [x, y, x + w, y + hgt];
  if (side.includes("w")) left = Math.min(toX, right - LEAST);
  if (side.includes("e")) right = Math.max(toX, left + LEAST);
  if (side.includes("n")) top = Math.min(toY, bottom - LEAST);
  if (side.includes("s")) bottom = Math.max(toY, top + LEAST);
  return /** @type {Region} */ ([left, top, right - left, bottom - top].map((part) => clamp(part, 0, 1)));
}
