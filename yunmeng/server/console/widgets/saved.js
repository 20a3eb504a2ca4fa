// Searches that are saved under a name on the server, for everybody who uses the library; and the link to what is shown.
import * as api from "/console/lib/api.js";
import { button, h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { at } from "/console/lib/place.js";
import { href, route } from "/console/lib/router.js";
import { may } from "/console/lib/store.js";
import { fail, inLine, toast } from "./announce.js";
import { openDialog, title } from "./dialog.js";

const changes = new EventTarget();

/** A button that saves what the address says, or copies it as a link. */
export const saveButton = () => button("star", t("save-search"), openSaving);

function openSaving() {
  const asked = href({ ...route(), show: null });
  const link = `${location.origin}${at("/")}${asked}`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      toast(t("copied"));
    } catch {
      shown.select(); // browsers allow it on https and localhost only
      toast(t("copy-failed"), { failure: true });
    }
  };
  const shown = h("input", { class: "field code", readOnly: true, value: link, "aria-label": t("link"), id: "search-link" });
  const share = h("div", { class: "form-row" }, h("label", { for: "search-link" }, t("link")), h("div", { class: "link-row" }, shown, button("copy", t("copy-link"), copy)));
  const saving = route().upload ? h("p", { class: "hint" }, t("save-upload")) : may("write") && savingForm(asked, () => dialog.close());
  const dialog = openDialog("small-dialog", t("save-search"), [title({}, t("save-search")), h("div", { class: "order" }, share, saving)]);
}

/** @param {string} asked @param {() => void} done */
function savingForm(asked, done) {
  const name = h("input", { class: "field", id: "search-name", required: true, maxlength: 200, autocomplete: "off" });
  const problem = h("p", { class: "problem", role: "alert" });
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    event.preventDefault();
    try {
      await api.saveSearch(name.value.trim(), asked.slice(1));
      done();
      toast(t("saved"));
      changes.dispatchEvent(new Event("change"));
    } catch (error) {
      problem.textContent = inLine(error);
    }
  };
  return h("form", { class: "edit", onsubmit: save }, h("div", { class: "form-row" }, h("label", { for: "search-name" }, t("search-name")), name), problem, h("div", { class: "actions" }, h("button", { class: "solid" }, t("save"))));
}

/** { element, destroy() }: the saved searches as links; hidden while there are none. */
export function savedSearches() {
  const list = h("ul", { class: "saved" });
  const element = h("section", { class: "filter", "aria-labelledby": "saved-title", hidden: true }, h("h3", { id: "saved-title" }, t("saved-searches")), list);
  /** @param {string} name */
  const forget = async (name) => {
    try {
      await api.deleteSearch(name);
      await load();
    } catch (error) {
      fail(error);
    }
  };
  const load = async () => {
    const found = await api.savedSearches().catch(() => []); // all else is there without
    element.hidden = found.length === 0;
    list.replaceChildren(
      ...found.map(({ name, query }) =>
        h("li", {}, h("a", { class: "quiet", href: `#${query}` }, icon("star"), h("span", { class: "name" }, name)), may("write") && button("close", t("saved-delete", { name }), () => forget(name), { class: "quiet round small" }))),
    );
  };
  changes.addEventListener("change", load);
  load();
  return { element, destroy: () => changes.removeEventListener("change", load) };
}
