// A grid of tiles in justified rows that keeps only the rows near the screen in the document: 10,000 hits scroll like fifty.
import { focused, h } from "/console/lib/dom.js";
import { preference } from "/console/lib/preferences.js";
import { choosing } from "./choosing.js";
import { aspectOf, firstRow, justify } from "./layout.js";

/** @import { Row } from "./layout.js" */
/** @import { Selection } from "./selection.js" */

const GAP = 8;
const CAPTION = 26; // pixels below a picture; as in tile.css
const SECOND_LINE = 16;
const SPARE = 600; // pixels above and below the screen that are kept ready
const HEADER = 140; // pixels at the top of the screen that the header may cover
const NARROW = 600;
const WAITING = 4 / 3; // shape of the tiles that stand for pictures to come

/** @template {{ id: string, width?: number, height?: number }} Item */
export class Grid {
  /**
   * `makeTile(item)` gives a cell with a first focusable element; `onNearEnd()` is called when more will be wanted.
   *
   * @param {object} options
   * @param {string} options.label
   * @param {(item: Item, known?: HTMLElement) => HTMLElement} options.makeTile
   * @param {() => void} options.onNearEnd
   * @param {Selection<Item>} [options.selection]
   */
  constructor({ label, makeTile, onNearEnd, selection }) {
    this.makeTile = makeTile;
    this.onNearEnd = onNearEnd;
    this.selection = selection;
    /** @type {Item[]} */
    this.items = [];
    this.more = false;
    this.active = 0;
    this.caption = CAPTION;
    this.width = 0;
    /** @type {Row[]} */
    this.layout = [];
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** @type {Map<string, { item: Item, cell: HTMLElement }>} */
    this.cells = new Map();
    this.element = h("div", { class: "grid", role: "grid", "aria-label": label, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event) });
    this.element.addEventListener("focusin", (event) => this.#onFocus(event));
    if (selection) {
      this.element.setAttribute("aria-multiselectable", "true");
      choosing(this, selection);
    }
    /** @type {number | null} */
    this.frame = null;
    this.onScroll = () => {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        this.#draw();
      });
    };
    this.onPreference = () => {
      this.cells.clear();
      this.#measure({ again: true, hold: true });
    };
    window.addEventListener("scroll", this.onScroll, { passive: true });
    window.addEventListener("preference", this.onPreference);
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(this.element);
  }

  destroy() {
    window.removeEventListener("scroll", this.onScroll);
    window.removeEventListener("preference", this.onPreference);
    this.observer.disconnect();
  }

  /**
   * Shows `items`; `more` says that others follow, for which empty tiles stand at the end; `tall`, a second line below each.
   *
   * @param {Item[]} items
   * @param {{ more?: boolean, stale?: boolean, tall?: boolean }} options
   */
  show(items, { more = false, stale = false, tall = false } = {}) {
    const kept = this.#focused();
    const now = items.findIndex(({ id }) => id === kept?.id);
    this.items = items;
    this.more = more;
    this.caption = CAPTION + (tall ? SECOND_LINE : 0);
    this.active = now < 0 ? Math.min(this.active, Math.max(items.length - 1, 0)) : now;
    this.element.classList.toggle("stale", stale);
    this.element.setAttribute("aria-busy", String(stale));
    this.selection?.follow(items);
    this.#measure({ again: true, keep: Boolean(kept) });
    if (kept) this.#controls(this.active)[now < 0 ? 0 : kept.control]?.focus({ preventScroll: true });
  }

  /** Marks in the document which tiles are chosen. */
  mark() {
    this.element.classList.toggle("choosing", Boolean(this.selection?.size));
    for (const cell of this.element.querySelectorAll("[data-index]")) this.#mark(/** @type {HTMLElement} */ (cell));
  }

  /**
   * The item whose tile an element lies in.
   *
   * @param {EventTarget | null} target
   */
  itemAt(target) {
    const cell = target instanceof Element ? target.closest("[data-index]") : null;
    return cell ? this.items[Number(/** @type {HTMLElement} */ (cell).dataset.index)] : undefined;
  }

  /**
   * Where the keyboard is: a picture, and which of its controls.
   *
   * @returns {{ id: string | undefined, control: number } | null}
   */
  #focused() {
    const cell = /** @type {HTMLElement | null} */ (focused().closest("[data-index]"));
    if (!cell || !this.element.contains(cell)) return null;
    const at = Number(cell.dataset.index);
    return { id: this.items[at]?.id, control: this.#controls(at).indexOf(focused()) };
  }

  /** Moves the keyboard to the tile at `index`. */
  focus(index = this.active) {
    if (!this.items.length) return;
    this.#activate(Math.max(0, Math.min(index, this.items.length - 1)));
    this.#scrollTo(this.active);
    this.#draw();
    this.#controls(this.active)[0]?.focus({ preventScroll: true });
  }

  /**
   * Moves the keyboard to the tile of `id`, where it is there.
   *
   * @param {string} id
   */
  focusOn(id) {
    const index = this.items.findIndex((item) => item.id === id);
    if (index >= 0) this.focus(index);
  }

  /** @param {number} index */
  #scrollTo(index) {
    const row = this.layout[this.#rowOf(index)];
    if (!row) return;
    const { top } = this.element.getBoundingClientRect();
    const above = top + row.top - HEADER;
    const below = top + row.top + row.pitch - window.innerHeight;
    if (above < 0) window.scrollBy(0, above);
    else if (below > 0) window.scrollBy(0, below);
  }

  /** @param {number} index */
  #rowOf(index) {
    return firstRow(this.layout, (row) => row.end > index);
  }

  /** `hold` leaves what is at the top of the screen where it is. */
  #measure({ again = false, keep = this.element.contains(document.activeElement), hold = false } = {}) {
    const width = this.element.clientWidth;
    if (!width) return;
    if (again || width !== this.width) {
      const top = hold ? this.element.getBoundingClientRect().top - HEADER : 0;
      const first = hold && top < 0 ? this.layout[firstRow(this.layout, (row) => row.top + row.pitch > -top)] : undefined;
      this.#arrange(width);
      if (first) window.scrollBy(0, this.layout[this.#rowOf(first.first)].top - first.top);
    }
    this.#draw(keep);
  }

  /** @param {number} width */
  #arrange(width) {
    this.width = width;
    const height = Math.min(preference("height"), width < NARROW ? width / 2.6 : Infinity);
    const waiting = this.more ? Math.ceil(width / (height * WAITING)) * 2 : 0;
    const aspects = [...this.items.map(aspectOf), ...Array(waiting).fill(WAITING)];
    this.layout = justify(aspects, { width, height, gap: GAP, caption: this.caption });
    const last = this.layout.at(-1);
    this.element.style.height = `${last ? last.top + last.pitch - GAP : 0}px`;
    this.element.setAttribute("aria-rowcount", String(this.more ? -1 : this.layout.length));
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  #draw(keep = this.element.contains(document.activeElement)) {
    if (!this.width) return;
    const { top } = this.element.getBoundingClientRect();
    const first = firstRow(this.layout, (row) => row.top + row.pitch > -top - SPARE);
    const end = firstRow(this.layout, (row) => row.top > window.innerHeight - top + SPARE);
    const wanted = new Set();
    for (let row = first; row < end; row += 1) wanted.add(row);
    // The row with the keyboard in it stays, or the keyboard would fall back to the top of the page.
    if (keep && this.items.length) wanted.add(this.#rowOf(this.active));
    for (const [row, element] of this.rows) {
      if (wanted.has(row)) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (const row of [...wanted].sort((a, b) => a - b)) if (!this.rows.has(row)) this.#drawRow(row);
    this.#forget();
    // Later: it may show more at once, and the keyboard is to be back on its tile before.
    if (this.more && (this.layout[end - 1]?.end ?? 0) >= this.items.length) queueMicrotask(this.onNearEnd);
  }

  /** @param {number} at */
  #drawRow(at) {
    const { first, end, top, height, widths } = this.layout[at];
    const element = h("div", { class: "row", role: "row", "aria-rowindex": at + 1 });
    element.style.transform = `translateY(${top}px)`;
    element.style.setProperty("--height", `${height}px`);
    for (let index = first; index < end; index += 1) {
      const item = this.items[index];
      const cell = item ? this.#cell(item, index, index - first) : h("div", { class: "tile waiting", role: "gridcell" });
      cell.style.width = `${widths[index - first]}px`;
      element.append(cell);
    }
    // In the order of the rows, which is the order of the Tab key and of screen readers.
    const after = [...this.rows.keys()].filter((other) => other > at).sort((a, b) => a - b)[0];
    this.element.insertBefore(element, (after !== undefined && this.rows.get(after)) || null);
    this.rows.set(at, element);
  }

  /**
   * A tile that is already there is used again, so that pictures do not blink when results are refined.
   *
   * @param {Item} item
   * @param {number} index
   * @param {number} column
   */
  #cell(item, index, column) {
    const known = this.cells.get(item.id);
    const cell = known?.item === item ? known.cell : this.makeTile(item, known?.cell);
    this.cells.set(item.id, { item, cell });
    cell.dataset.index = String(index);
    cell.setAttribute("aria-colindex", String(column + 1));
    this.#setReachable(cell, index === this.active);
    this.#mark(cell);
    return cell;
  }

  /** @param {HTMLElement} cell */
  #mark(cell) {
    if (!this.selection) return;
    const item = this.items[Number(cell.dataset.index)];
    const chosen = String(Boolean(item && this.selection.has(item.id)));
    cell.setAttribute("aria-selected", chosen);
    cell.querySelector(".tile-check")?.setAttribute("aria-pressed", chosen);
  }

  #forget() {
    if (this.cells.size < 600) return;
    for (const [id, { cell }] of this.cells) if (!cell.isConnected) this.cells.delete(id);
  }

  /** @param {number} index @returns {HTMLElement | null} */
  #cellAt(index) {
    return this.element.querySelector(`[data-index="${index}"]`);
  }

  /** @param {number} index @returns {HTMLElement[]} */
  #controls(index) {
    const cell = this.#cellAt(index);
    return cell ? controlsOf(cell) : [];
  }

  // Tab reaches one tile, and the arrow keys move between them, as in any grid.
  /** @param {HTMLElement} cell @param {boolean} reachable */
  #setReachable(cell, reachable) {
    for (const control of controlsOf(cell)) control.tabIndex = reachable ? 0 : -1;
  }

  /** @param {FocusEvent} event */
  #onFocus(event) {
    const cell = /** @type {HTMLElement} */ (event.target).closest("[data-index]");
    const index = cell instanceof HTMLElement ? Number(cell.dataset.index) : this.active;
    if (index !== this.active) this.#activate(index);
  }

  /** @param {number} index */
  #activate(index) {
    const before = this.#cellAt(this.active);
    if (before) this.#setReachable(before, false);
    this.active = index;
    const now = this.#cellAt(index);
    if (now) this.#setReachable(now, true);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = this.#target(event.key);
    if (target === undefined) return;
    event.preventDefault();
    if (target < 0 || target >= this.items.length) return;
    if (event.shiftKey && this.selection) {
      if (!this.selection.size) this.selection.toggle(this.items[this.active]);
      this.selection.extend(this.items, this.items[target]);
    }
    this.focus(target);
  }

  /**
   * Where a key leads; undefined for a key that leads nowhere.
   *
   * @param {string} key
   * @returns {number | undefined}
   */
  #target(key) {
    const row = this.#rowOf(this.active);
    const page = Math.max(1, Math.floor((window.innerHeight - HEADER) / (this.layout[row]?.pitch ?? 1)));
    const last = this.#rowOf(this.items.length - 1);
    /** @type {Record<string, () => number>} */
    const keys = {
      ArrowLeft: () => this.active - 1,
      ArrowRight: () => this.active + 1,
      ArrowUp: () => this.#beside(row - 1),
      ArrowDown: () => this.#beside(row + 1),
      PageUp: () => this.#beside(Math.max(row - page, 0)),
      PageDown: () => this.#beside(Math.min(row + page, last)),
      Home: () => 0,
      End: () => this.items.length - 1,
    };
    return keys[key]?.();
  }

  /**
   * The tile of a row that lies above or below the one that has the keyboard; -1 where there is no such row.
   *
   * @param {number} at
   */
  #beside(at) {
    const row = this.layout[at];
    if (!row || row.first >= this.items.length) return -1;
    const here = this.layout[this.#rowOf(this.active)];
    const middle = middleOf(here, this.active);
    const places = row.widths.map((_, column) => row.first + column).filter((index) => index < this.items.length);
    return places.reduce((best, index) => (Math.abs(middleOf(row, index) - middle) < Math.abs(middleOf(row, best) - middle) ? index : best));
  }
}

/** @param {Row} row @param {number} index */
function middleOf({ first, widths }, index) {
  const before = widths.slice(0, index - first).reduce((sum, width) => sum + width + GAP, 0);
  return before + widths[index - first] / 2;
}

/** @type {(cell: HTMLElement) => HTMLElement[]} */
const controlsOf = (cell) => [...cell.querySelectorAll("a, .tile-actions button")].map((control) => /** @type {HTMLElement} */ (control));
