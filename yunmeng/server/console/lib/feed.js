// Hits or pictures, page by page. A new start calls off what is under way, and keeps the old items until the new come.

export class Feed {
  /**
   * `fetchPage(cursor, signal)` resolves to { items, next, ...extra }; cursor is null on the first page, and next is null on
   * the last. `onChange(feed)` is called whenever something here has changed.
   */
  constructor(fetchPage, onChange) {
    this.fetchPage = fetchPage;
    this.onChange = onChange;
    this.items = [];
    this.next = null;
    this.extra = {};
    this.status = "new"; // new, loading (a first page), more (a later one), ready, failed
    this.error = null;
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

  /** Takes an item out of what is loaded, where it has been deleted. */
  drop(id) {
    this.items = this.items.filter((item) => item.id !== id);
    this.onChange(this);
  }

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
      this.error = error;
      this.failedAt = cursor;
      if (cursor === null) this.items = [];
    }
    this.onChange(this);
  }
}

const TRIES = 4;

/** A server that is starting or full says when to come again; nobody should have to press a button for that. */
async function patiently(call, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!error.retryAfter || attempt === TRIES || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(error.retryAfter, 10) * 1000));
    }
  }
}
