// Pictures side by side that are enlarged and moved together: the same place of each is seen, whatever their sizes are.
import { button, h } from "/console/lib/dom.js";
import { number } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";

const MOST = 16;
const CLICKED = 3; // times as large, after a click
const STEP = 1.5;
const SLIPPED = 4; // pixels: a movement below is still a click

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** @typedef {{ image: HTMLImageElement, large: string | null, layer?: HTMLElement }} Pictured `layer`, where more than the image is moved. */
/** @typedef {Pictured & { frame: HTMLElement, at: number[] }} View */
/** @typedef {{ clientX: number, clientY: number }} Point */

export class Zoom {
  /**
   * `views` are { image, large }: an <img> in a box of its own, and where there is one the address of a larger picture.
   *
   * @param {Pictured[]} views
   */
  constructor(views) {
    this.scale = 1;
    this.at = [0.5, 0.5]; // the place of the pictures that is in the middle, in fractions of them
    this.views = views.map((view) => ({ ...view, at: this.at, frame: h("div", { class: "zoom-frame", tabindex: 0, role: "application", "aria-label": `${view.image.alt}. ${t("zoom-keys")}` }) }));
    /** @type {Map<number, { x: number, y: number, far: number }>} */
    this.pointers = new Map();
    this.shown = h("output", { class: "zoom-scale" });
    this.controls = h(
      "div",
      { class: "zoom-controls", role: "group", "aria-label": t("zoom") },
      button("minus", t("zoom-out"), () => this.#by(1 / STEP), { class: "quiet round small" }),
      this.shown,
      button("plus", t("zoom-in"), () => this.#by(STEP), { class: "quiet round small" }),
      button("", t("zoom-fit"), () => this.#set(1, [0.5, 0.5]), { text: true, kind: "quiet small" }),
    );
    for (const view of this.views) this.#listen(view);
    this.#draw();
  }

  /** @param {View} view */
  #listen(view) {
    const { frame, image, layer = image } = view;
    frame.append(layer);
    image.draggable = false;
    image.addEventListener("load", () => this.#draw());
    frame.addEventListener("pointerdown", (event) => this.#onDown(view, event));
    frame.addEventListener("pointermove", (event) => this.#onMove(view, event));
    frame.addEventListener("pointerup", (event) => this.#onUp(view, event));
    frame.addEventListener("pointercancel", (event) => this.#onUp(view, event));
    frame.addEventListener("wheel", (event) => this.#onWheel(view, event), { passive: false });
    frame.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * How the whole picture lies in its box: { width, height, boxWidth, boxHeight }, in pixels.
   *
   * @param {View} view
   */
  #fit({ frame, image }) {
    const { clientWidth: boxWidth, clientHeight: boxHeight } = frame;
    const { naturalWidth, naturalHeight } = image;
    const most = getComputedStyle(image).objectFit === "scale-down" ? 1 : Infinity;
    const times = naturalWidth ? Math.min(boxWidth / naturalWidth, boxHeight / naturalHeight, most) : 0;
    return { width: naturalWidth * times, height: naturalHeight * times, boxWidth, boxHeight };
  }

  /**
   * The place of the picture under a point of the screen, in fractions of the picture.
   *
   * @param {View} view
   * @param {Point} point
   */
  #placeOf(view, { clientX, clientY }) {
    const { left, top } = view.frame.getBoundingClientRect();
    const { width, height, boxWidth, boxHeight } = this.#fit(view);
    /** @param {number} point @param {number} box @param {number} side @param {number} at */
    const place = (point, box, side, at) => (side ? clamp(at + (point - box / 2) / (side * this.scale), 0, 1) : 0.5);
    return [place(clientX - left, boxWidth, width, view.at[0]), place(clientY - top, boxHeight, height, view.at[1])];
  }

  /** @param {number} times */
  #by(times) {
    this.#set(this.scale * times, this.at);
  }

  /**
   * Enlarges around a place of the pictures, which stays where it is on the screen.
   *
   * @param {View} view
   * @param {Point} event
   * @param {number} scale
   */
  #around(view, event, scale) {
    const place = this.#placeOf(view, event);
    const next = clamp(scale, 1, MOST);
    const at = view.at.map((one, side) => place[side] + ((one - place[side]) * this.scale) / next);
    this.#set(next, at);
  }

  /** @param {number} scale @param {number[]} at */
  #set(scale, at) {
    this.scale = clamp(scale, 1, MOST);
    this.at = at.map((one) => clamp(one, 0, 1));
    this.#draw();
  }

  #draw() {
    for (const view of this.views) this.#place(view);
    this.shown.textContent = `${number(this.scale, 1)} ×`;
  }

  /** @param {View} view */
  #place(view) {
    const { frame, image, layer = image } = view;
    const { width, height, boxWidth, boxHeight } = this.#fit(view);
    /** @param {number} at @param {number} box @param {number} side */
    const inside = (at, box, side) => {
      const half = box / (2 * side * this.scale); // of the picture, that is seen on either side of the middle
      return half >= 0.5 || !side ? 0.5 : clamp(at, half, 1 - half);
    };
    view.at = [inside(this.at[0], boxWidth, width), inside(this.at[1], boxHeight, height)];
    /** @param {number} at @param {number} box @param {number} side */
    const shift = (at, box, side) => box / 2 - this.scale * ((box - side) / 2 + at * side);
    layer.style.transform = `translate(${shift(view.at[0], boxWidth, width)}px, ${shift(view.at[1], boxHeight, height)}px) scale(${this.scale})`;
    frame.classList.toggle("zoomed", this.scale > 1);
    if (this.scale > 1) this.#sharpen(view);
  }

  /**
   * The larger picture in the place of the smaller one; where the browser cannot show it, the smaller one stays.
   *
   * @param {View} view
   */
  #sharpen(view) {
    const { image, large } = view;
    if (!large) return;
    view.large = null;
    const loading = new Image();
    loading.addEventListener("load", () => (image.src = large));
    loading.src = large;
  }

  /** @param {View} view @param {PointerEvent} event */
  #onDown(view, event) {
    if (event.button !== 0) return;
    view.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, far: 0 });
  }

  /** @param {View} view @param {PointerEvent} event */
  #onMove(view, event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const before = this.#spread();
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    Object.assign(pointer, { x: event.clientX, y: event.clientY, far: pointer.far + Math.hypot(dx, dy) });
    if (this.pointers.size > 1) return this.#around(view, this.#middle(), (this.scale * this.#spread()) / (before || 1));
    if (this.scale === 1 || pointer.far < SLIPPED) return undefined;
    const { width, height } = this.#fit(view);
    return this.#set(this.scale, [view.at[0] - dx / (width * this.scale), view.at[1] - dy / (height * this.scale)]);
  }

  /** @param {View} view @param {PointerEvent} event */
  #onUp(view, event) {
    const pointer = this.pointers.get(event.pointerId);
    const alone = this.pointers.size === 1;
    this.pointers.delete(event.pointerId);
    if (event.type !== "pointerup" || !pointer || !alone || pointer.far >= SLIPPED) return;
    if (this.scale > 1) this.#set(1, [0.5, 0.5]);
    else this.#around(view, event, CLICKED);
  }

  #spread() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  #middle() {
    const [a, b] = [...this.pointers.values()];
    for (const pointer of [a, b]) pointer.far = SLIPPED; // two fingers do not click
    return { clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 };
  }

  /**
   * The wheel scrolls the window until something is enlarged; a pinch on a trackpad comes as a wheel with Ctrl.
   *
   * @param {View} view
   * @param {WheelEvent} event
   */
  #onWheel(view, event) {
    if (this.scale === 1 && !event.ctrlKey) return;
    event.preventDefault();
    this.#around(view, event, this.scale * Math.exp(-event.deltaY / 300));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 0.2 / this.scale;
    /** @type {Record<string, number[]>} */
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const times = /** @type {Record<string, number>} */ ({ "+": STEP, "=": STEP, "-": 1 / STEP })[event.key];
    if (times) this.#by(times);
    else if (event.key === "0") this.#set(1, [0.5, 0.5]);
    else if (event.key === "Enter" || event.key === " ") this.scale > 1 ? this.#set(1, [0.5, 0.5]) : this.#by(CLICKED);
    else if (ways[event.key] && this.scale > 1) this.#set(this.scale, this.at.map((one, side) => one + ways[event.key][side]));
    else return;
    event.preventDefault();
  }
}
