// Pictures that are chosen, to do something with all of them.

/** @template {{ id: string }} Item */
export class Selection {
  /** @param {(selection: Selection<Item>) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    /** @type {Map<string, Item>} In the order in which they were chosen. */
    this.chosen = new Map();
    /** @type {string | null} Where a range begins. */
    this.anchor = null;
  }

  get size() {
    return this.chosen.size;
  }

  /** @param {string} id */
  has(id) {
    return this.chosen.has(id);
  }

  /** @param {Item} item */
  toggle(item) {
    if (!this.chosen.delete(item.id)) this.chosen.set(item.id, item);
    this.anchor = item.id;
    this.onChange(this);
  }

  /**
   * Chooses all from the last one that was chosen to `item`.
   *
   * @param {Item[]} items
   * @param {Item} item
   */
  extend(items, item) {
    const to = items.indexOf(item);
    const from = items.findIndex(({ id }) => id === this.anchor);
    const [low, high] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    this.add(items.slice(low, high + 1));
    if (from < 0) this.anchor = item.id;
  }

  /** @param {Item[]} items */
  add(items) {
    for (const item of items) this.chosen.set(item.id, item);
    this.onChange(this);
  }

  clear() {
    if (!this.size) return;
    this.chosen.clear();
    this.anchor = null;
    this.onChange(this);
  }

  /** Forgets those that `items` does not hold any more, and takes the others as they are now. @param {Item[]} items */
  follow(items) {
    if (!this.size) return;
    const now = new Map(items.map((item) => [item.id, item]));
    const kept = [...this.chosen.keys()].filter((id) => now.has(id));
    const fewer = kept.length < this.size;
    this.chosen = new Map(kept.map((id) => [id, /** @type {Item} */ (now.get(id))]));
    if (fewer) this.onChange(this);
  }
}
