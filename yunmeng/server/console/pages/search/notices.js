// What stands in the search page where no hits are: how to begin, an empty library, an id that nobody has.
import { h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { lacksWords, may, readsWords } from "/console/lib/store.js";
import { pickButton } from "/console/widgets/box.js";
import { notice } from "/console/widgets/states.js";

/** @import { Child } from "/console/lib/dom.js" */

/** @param {string} id @param {(Child | Child[])[]} actions */
export function unknownId(id, actions) {
  const element = notice("search", t("unknown-id-title", { id }), t(lacksWords() ? "unknown-id-words" : "unknown-id"), ...actions);
  element.setAttribute("role", "alert");
  return element;
}

export function welcome() {
  const words = readsWords();
  return h(
    "div",
    { class: "welcome" },
    h("h2", {}, t(words ? "welcome-words-title" : "welcome-title")),
    h("p", {}, t(words ? "welcome-with-words" : "welcome"), lacksWords() && h("span", { class: "hint welcome-extra" }, ` ${t("words-missing")}`)),
    h(
      "div",
      { class: "actions" },
      ...pickButton("picture", "choose-picture", {}, { text: true, kind: "solid" }),
      ...pickButton("camera", "take-photo", { capture: "environment" }, { text: true, kind: "outline" }),
    ),
  );
}

export function emptyLibrary() {
  const add = may("write") && h("a", { class: "solid", href: "#/library" }, icon("upload"), h("span", {}, t("go-add")));
  return notice("picture", t("empty-title"), t(may("write") ? "empty" : "empty-reader"), add);
}
