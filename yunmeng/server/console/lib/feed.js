// Hits or pictures, page by page. A new start calls off what is under way, and keeps the old items until the new come.

/** @import { ApiError } from "./api.js" */

/** @template Item */
export class Feed {
  /**
   * `fetchPage(cursor, signal)` resolves to { items, next, ...extra }; cursor is null on the first page, and next is null on
   * the last. `onChange(feed)` is called whenever something here has changed.
   *
   * @param {(cursor: any, signal: AbortSignal) => Promise<{ items: Item[], next: any, [extra: string]: any }>} fetchPage
   * @param {(feed: Feed<Item>) => void} onChange
   */
  constructor(fetchPage, onChange) {
    this.fetchPage = fetchPage;
    this.onChange = onChange;
    /** @type {Item[]} */
    this.items = [];
    this.next = null;
    /** @type {Record<string, any>} */
    this.extra = {};
    /** @type {"new" | "loading" | "more" | "ready" | "failed"} loading is of a first page, more of a later one */
    this.status = "new";
    /** @type {ApiError | null} */
    this.error = null;
    /** @type {AbortController | null} */
    this.calls = null;
  }

  get stale() {
    return this.status === "loading" && this.items.length > 0;
  }

  start() {
    this.status = "loading";
    return this.#load(null);
  }

  more() {
    if (this.status !== "ready" || this.next === null) return Promise.resolve();
    this.status = "more";
    return this.#load(this.next);
  }

  /** After a failure: the page that failed again. */
  retry() {
    if (this.items.length === 0 || this.failedAt === null) return this.start();
    this.status = "more";
    return this.#load(this.failedAt);
  }

  stop() {
    this.calls?.abort();
  }

  /**
   * Takes items out of what is loaded, where they have been deleted.
   *
   * @param {string[]} ids
   */
  drop(...ids) {
    const gone = new Set(ids);
    this.items = this.items.filter((item) => !gone.has(idOf(item)));
    if (typeof this.extra.total === "number") this.extra.total -= gone.size;
    this.onChange(this);
  }

  /**
   * Puts changed items in the place of what is loaded.
   *
   * @param {Set<string>} ids
   * @param {(item: Item) => Item} change
   */
  change(ids, change) {
    this.items = this.items.map((item) => (ids.has(idOf(item)) ? change(item) : item));
    this.onChange(this);
  }

  /** What has been loaded, to be shown again by restore(). */
  snapshot() {
    return this.status === "ready" ? { items: this.items, next: this.next, extra: this.extra } : null;
  }

  /** @param {NonNullable<ReturnType<Feed<Item>["snapshot"]>>} kept */
  restore(kept) {
    this.calls?.abort();
    Object.assign(this, kept, { status: "ready", error: null });
    this.onChange(this);
  }

  /** @param {any} cursor */
  async #load(cursor) {
    this.calls?.abort();
    const calls = new AbortController();
    this.calls = calls;
    this.error = null;
    this.onChange(this);
    try {
      const { items, next, ...extra } = await patiently(() => this.fetchPage(cursor, calls.signal), calls.signal);
      if (calls.signal.aborted) return;
      this.items = cursor === null ? items : [...this.items, ...items];
      this.next = next;
      if (cursor === null) this.extra = extra;
      this.status = "ready";
    } catch (error) {
      if (calls.signal.aborted) return;
      this.status = "failed";
      this.error = /** @type {ApiError} */ (error);
      this.failedAt = cursor;
      if (cursor === null) this.items = [];
    }
    this.onChange(this);
  }
}

/** @param {unknown} item */
const idOf = (item) => /** @type {{ id?: string }} */ (item).id ?? "";

const TRIES = 4;

/**
 * A server that is starting or full says when to come again; nobody should have to press a button for that.
 *
 * @template Answer
 * @param {() => Promise<Answer>} call
 * @param {AbortSignal} signal
 */
async function patiently(call, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const { retryAfter } = /** @type {ApiError} */ (error);
      if (!retryAfter || attempt === TRIES || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryAfter, 10) * 1000));
    }
  }
}
