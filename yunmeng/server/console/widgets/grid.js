// A grid of tiles that keeps only the rows near the screen in the document: 10,000 hits scroll like fifty.
import { focused, h } from "/console/lib/dom.js";

const GAP = 16;
const CAPTION = 34; // pixels below a tile's square; as in search.css
const SECOND_LINE = 14;
const SPARE = 900; // pixels above and below the screen that are kept ready
const WIDEST = { wide: 200, narrow: 150 };

/** @template {{ id: string }} Item */
export class Grid {
  /**
   * `makeTile(item)` gives a cell with a first focusable element; `onNearEnd()` is called when more will be wanted.
   *
   * @param {{ label: string, makeTile: (item: Item, known?: HTMLElement) => HTMLElement, onNearEnd: () => void }} options
   */
  constructor({ label, makeTile, onNearEnd }) {
    this.makeTile = makeTile;
    this.onNearEnd = onNearEnd;
    /** @type {Item[]} */
    this.items = [];
    this.more = false;
    this.active = 0;
    this.caption = CAPTION;
    this.columns = 0;
    this.side = 0; // of a tile, in pixels
    this.pitch = 0; // from one row to the next; 0 before the first measurement
    this.rowCount = 0;
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** @type {Map<string, { item: Item, cell: HTMLElement }>} */
    this.cells = new Map();
    this.element = h("div", { class: "grid", role: "grid", "aria-label": label, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onKey(event) });
    this.element.addEventListener("focusin", (event) => this.#onFocus(event));
    /** @type {number | null} */
    this.frame = null;
    this.onScroll = () => {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        this.#draw();
      });
    };
    window.addEventListener("scroll", this.onScroll, { passive: true });
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(this.element);
  }

  destroy() {
    window.removeEventListener("scroll", this.onScroll);
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
    this.#measure({ again: true, keep: Boolean(kept) });
    if (kept) this.#controls(this.active)[now < 0 ? 0 : kept.control]?.focus({ preventScroll: true });
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
    this.#activate(Math.max(0, Math.min(index, this.items.length - 1)));
    const row = Math.floor(this.active / this.columns);
    const { top } = this.element.getBoundingClientRect();
    const above = top + row * this.pitch - 140; // the header lies over the top of the page
    const below = top + (row + 1) * this.pitch - window.innerHeight;
    if (above < 0) window.scrollBy(0, above);
    else if (below > 0) window.scrollBy(0, below);
    this.#draw();
    this.#controls(this.active)[0]?.focus({ preventScroll: true });
  }

  #measure({ again = false, keep = false } = {}) {
    const width = this.element.clientWidth;
    if (!width) return;
    const widest = width < 600 ? WIDEST.narrow : WIDEST.wide;
    const columns = Math.max(2, Math.floor((width + GAP) / (widest + GAP)));
    const side = (width - GAP * (columns - 1)) / columns;
    if (again || columns !== this.columns || side !== this.side) {
      Object.assign(this, { columns, side, pitch: side + this.caption + GAP });
      this.element.style.setProperty("--columns", String(columns));
      this.element.style.setProperty("--side", `${side}px`);
      this.element.setAttribute("aria-colcount", String(columns));
      for (const row of this.rows.values()) row.remove();
      this.rows.clear();
    }
    const waiting = this.more ? columns * 2 : 0;
    this.rowCount = Math.ceil((this.items.length + waiting) / columns);
    this.element.setAttribute("aria-rowcount", String(this.more ? -1 : this.rowCount));
    this.element.style.height = `${Math.max(0, this.rowCount * this.pitch - GAP)}px`;
    this.#draw(keep);
  }

  #draw(keep = this.element.contains(document.activeElement)) {
    if (!this.pitch) return;
    const { top } = this.element.getBoundingClientRect();
    const first = Math.max(0, Math.floor((-top - SPARE) / this.pitch));
    const last = Math.min(this.rowCount - 1, Math.floor((window.innerHeight - top + SPARE) / this.pitch));
    const wanted = new Set();
    for (let row = first; row <= last; row += 1) wanted.add(row);
    // The row with the keyboard in it stays, or the keyboard would fall back to the top of the page.
    if (keep && this.items.length) wanted.add(Math.floor(this.active / this.columns));
    for (const [row, element] of this.rows) {
      if (wanted.has(row)) continue;
      element.remove();
      this.rows.delete(row);
    }
    for (const row of [...wanted].sort((a, b) => a - b)) if (!this.rows.has(row)) this.#drawRow(row);
    this.#forget();
    if (this.more && (last + 1) * this.columns >= this.items.length) this.onNearEnd();
  }

  /** @param {number} row */
  #drawRow(row) {
    const element = h("div", { class: "row", role: "row", "aria-rowindex": row + 1 });
    element.style.transform = `translateY(${row * this.pitch}px)`;
    for (let column = 0; column < this.columns; column += 1) {
      const index = row * this.columns + column;
      if (index < this.items.length) element.append(this.#cell(this.items[index], index, column));
      else if (this.more) element.append(h("div", { class: "tile waiting", role: "gridcell" }));
    }
    // In the order of the rows, which is the order of the Tab key and of screen readers.
    const after = [...this.rows.keys()].filter((other) => other > row).sort((a, b) => a - b)[0];
    this.element.insertBefore(element, (after !== undefined && this.rows.get(after)) || null);
    this.rows.set(row, element);
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
    return cell;
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
    const page = Math.max(1, Math.floor(window.innerHeight / this.pitch)) * this.columns;
    /** @type {Record<string, number>} */
    const steps = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
      PageUp: -page, PageDown: page, Home: -this.active, End: this.items.length - 1 - this.active,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const target = this.active + steps[event.key];
    if (target >= 0 && target < this.items.length) this.focus(target);
    else if (event.key.startsWith("Page")) this.focus(target);
  }
}

/** @type {(cell: HTMLElement) => HTMLElement[]} */
const controlsOf = (cell) => [...cell.querySelectorAll("a, button")].map((control) => /** @type {HTMLElement} */ (control));
