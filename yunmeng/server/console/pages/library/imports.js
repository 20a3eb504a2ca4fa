// Imports that run on the server: start one, follow it live, stop it, go on with it, see what failed and why.
import * as api from "/console/lib/api.js";
import { button, fill, h } from "/console/lib/dom.js";
import { number, time } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { announce, explain, fail } from "/console/widgets/announce.js";
import { failure } from "/console/widgets/states.js";

/** @import { Import } from "/console/lib/types.js" */

/** @type {Import["status"][]} */
const LIVE = ["queued", "running"];

/**
 * `onGrown()` is called when an import has ended.
 *
 * @param {() => void} onGrown
 */
export function importSection(onGrown) {
  const list = h("div", { class: "imports" });
  /** @type {Map<number, ImportRow>} */
  const rows = new Map();
  /** @param {Import} state */
  const put = (state) => {
    let row = rows.get(state.number);
    if (!row) {
      row = new ImportRow((ended) => (onGrown(), announce(endText(ended))));
      rows.set(state.number, row);
      const before = [...rows.keys()].filter((other) => other < state.number).sort((a, b) => b - a)[0];
      list.insertBefore(row.element, (before !== undefined && rows.get(before)?.element) || null);
    }
    row.set(state);
  };
  const load = async () => {
    try {
      (await api.imports()).imports.forEach(put);
    } catch (error) {
      list.replaceChildren(failure(error, () => (list.replaceChildren(), load())));
    }
  };
  load();
  const element = h("section", { class: "card", "aria-labelledby": "import-title" }, h("h2", { id: "import-title" }, t("import-title")), orderForm(put), list);
  return { element, destroy: () => rows.forEach((row) => row.stop()) };
}

/** @param {(state: Import) => void} put */
function orderForm(put) {
  const paths = h("textarea", {
    class: "field code", id: "import-paths", rows: 2, spellcheck: "false", placeholder: "/photos/2026\nhttps://example.com/shoe.jpg",
  });
  const manifest = h("input", { class: "field code", id: "import-manifest", spellcheck: "false", placeholder: "/photos/catalogue.csv" });
  const problem = h("p", { class: "problem", role: "alert" });
  /** @param {SubmitEvent} event */
  const start = async (event) => {
    event.preventDefault();
    problem.textContent = "";
    /** @type {{ paths: string[], manifest?: string }} */
    const order = { paths: paths.value.split("\n").map((line) => line.trim()).filter(Boolean) };
    if (manifest.value.trim()) order.manifest = manifest.value.trim();
    if (!order.paths.length && !order.manifest) return (problem.textContent = t("import-what"));
    try {
      put(await api.startImport(order));
      paths.value = manifest.value = "";
    } catch (error) {
      problem.textContent = (error instanceof Error && error.message) || explain(error).title;
    }
    return null;
  };
  return h(
    "form",
    { class: "order", onsubmit: start },
    h("div", { class: "form-row" }, h("label", { for: "import-paths" }, t("import-paths"), " ", h("span", { class: "hint" }, t("import-paths-hint"))), paths),
    h("div", { class: "form-row" }, h("label", { for: "import-manifest" }, t("import-manifest")), manifest),
    problem,
    h("button", { class: "solid" }, t("import-start")),
  );
}

/** @param {Import} state */
const seen = (state) => state.indexed + state.skipped + state.failed;
/** @param {Import} state */
const endText = (state) => `${t(`import-${state.status}`)}: ${countsText(state)}`;
/** @param {Import} state */
const countsText = ({ indexed, skipped, failed }) => t("import-counts", { indexed: number(indexed), skipped: number(skipped), failed: number(failed) });

class ImportRow {
  /** @param {(state: Import) => void} onEnd */
  constructor(onEnd) {
    this.onEnd = onEnd;
    /** @type {EventSource | null} */
    this.events = null;
    this.element = h("article", { class: "import" });
    this.failuresHead = h("summary", {});
    this.failuresList = h("ul", {});
    this.failures = h("details", { class: "failures", hidden: true }, this.failuresHead, this.failuresList);
    this.failures.addEventListener("toggle", () => this.failures.open && this.#loadFailures());
    this.body = h("div", { class: "import-body" });
    this.element.append(this.body, this.failures);
  }

  /** @param {Import} state */
  set(state) {
    this.state = state;
    this.#draw();
    if (LIVE.includes(state.status)) this.#follow();
    else this.stop();
  }

  stop() {
    this.events?.close();
    this.events = null;
  }

  #follow() {
    if (this.events) return;
    this.events = new EventSource(api.importEvents(this.state.number));
    /** @param {MessageEvent} event */
    const take = (event) => {
      this.state = JSON.parse(event.data);
      this.#draw();
    };
    this.events.addEventListener("progress", take);
    this.events.addEventListener("end", (event) => {
      this.stop(); // or the browser would connect again
      take(event);
      if (this.failures.open) this.#loadFailures();
      this.onEnd(this.state);
    });
  }

  #draw() {
    const { state } = this;
    const live = LIVE.includes(state.status);
    const part = state.total ? { value: seen(state), max: state.total } : {};
    const bar = live && h("progress", { ...part, "aria-label": t("import-progress") });
    const of = state.total === null ? t("import-counting") : t("import-of", { done: number(seen(state)), all: number(state.total) });
    const word = live && state.phase === "optimising" ? "import-optimising" : `import-${state.status}`;
    fill(
      this.body,
      h(
        "div",
        { class: "import-head" },
        h("strong", { class: "name", title: state.sources.join("\n") }, state.sources.join(", ")),
        h("span", { class: `import-state ${state.status}` }, t(word)),
        this.#action(),
      ),
      bar,
      h("p", { class: "hint" }, live ? `${of} · ` : "", countsText(state), ` · ${time(state.started_at)}`),
      state.error && h("p", { class: "problem" }, state.error),
    );
    this.failures.hidden = state.failed === 0;
    this.failuresHead.textContent = t("import-failures", { n: state.failed });
  }

  #action() {
    /** @param {(number: number) => Promise<Import>} call */
    const act = (call) => async () => {
      try {
        this.set(await call(this.state.number));
      } catch (error) {
        fail(error);
      }
    };
    if (LIVE.includes(this.state.status)) return button("stop", t("cancel"), act(api.cancelImport), { text: true, kind: "quiet" });
    const resumes = ["interrupted", "cancelled", "failed"].includes(this.state.status);
    return resumes && button("again", t("import-resume"), act(api.resumeImport), { text: true, kind: "quiet" });
  }

  async #loadFailures() {
    const list = this.failuresList;
    try {
      const { failures } = await api.importFailures(this.state.number);
      list.replaceChildren(...failures.map(({ path, reason }) => h("li", {}, h("code", {}, path), h("span", { class: "problem" }, reason))));
    } catch (error) {
      list.replaceChildren(h("li", { class: "problem" }, explain(error).title));
    }
  }
}
