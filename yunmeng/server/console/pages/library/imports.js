// Ordering an import of what the server can reach; the list of background work follows it.
import * as api from "/console/lib/api.js";
import { h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { inLine } from "/console/widgets/announce.js";

/** @import { Job } from "/console/lib/types.js" */

/**
 * `onOrdered(job)` is told of each import that has begun.
 *
 * @param {(job: Job) => void} onOrdered
 */
export function importSection(onOrdered) {
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
      onOrdered(await api.startJob("import", order));
      paths.value = manifest.value = "";
    } catch (error) {
      problem.textContent = inLine(error);
    }
    return null;
  };
  const form = h(
    "form",
    { class: "order", onsubmit: start },
    h("div", { class: "form-row" }, h("label", { for: "import-paths" }, t("import-paths"), " ", h("span", { class: "hint" }, t("import-paths-hint"))), paths),
    h("div", { class: "form-row" }, h("label", { for: "import-manifest" }, t("import-manifest")), manifest),
    problem,
    h("button", { class: "solid" }, t("import-start")),
  );
  return h("section", { class: "card", "aria-labelledby": "import-title" }, h("h2", { id: "import-title" }, t("import-title")), form);
}
