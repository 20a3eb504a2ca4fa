// The door, where the server asks for a key.
import * as api from "/console/lib/api.js";
import { h, icon } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { explain } from "/console/widgets/announce.js";

export class SignInPage {
  /**
   * `onIn()` is called once the key has been taken.
   *
   * @param {() => Promise<void>} onIn
   */
  constructor(onIn) {
    const input = h("input", { class: "field", type: "password", id: "key", autocomplete: "current-password", required: true, placeholder: "ym_…" });
    const problem = h("p", { class: "problem", role: "alert" });
    /** @param {SubmitEvent} event */
    const submit = async (event) => {
      event.preventDefault();
      problem.textContent = "";
      try {
        await api.signIn(input.value.trim());
        await onIn();
      } catch (error) {
        problem.textContent = explain(error).title;
        input.select();
      }
    };
    this.element = h(
      "div",
      { class: "sign-in" },
      icon("key"),
      h("h1", {}, t("sign-in-title")),
      h("p", { class: "hint" }, t("sign-in-hint")),
      h("form", { onsubmit: submit }, h("label", { for: "key" }, t("key")), input, problem, h("button", { class: "solid" }, t("sign-in"))),
    );
    this.input = input;
  }

  receive() {
    return { hint: "sign-in-title", files() {} };
  }

  update() {
    this.input.focus();
  }

  destroy() {}
}
