// Windows over the page, as native <dialog>s: they keep the keyboard inside, close on Esc and give the focus back.
import { $, button, h } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { openLayer } from "/console/lib/layers.js";

/**
 * Opens a modal dialog; resolves to what it was closed with. A press beside it closes it.
 *
 * @param {string} kind
 * @param {string} label
 * @param {Node[]} content
 * @param {{ onClose?: () => void, inAddress?: boolean }} options `inAddress`, where the address says that it is open: Back
 *   then closes it anyway.
 */
export function openDialog(kind, label, content, { onClose, inAddress = false } = {}) {
  const close = button("close", t("close"), () => dialog.close(), { class: "quiet round dialog-close" });
  const dialog = h("dialog", { class: kind, "aria-label": label }, close, ...content);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    for (const toast of dialog.querySelectorAll(":scope > .toast")) {
      toast.classList.remove("inside"); // what was told here is read on, though the window has gone
      $("#toasts").append(toast);
    }
    dialog.remove();
    leave();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  const leave = inAddress ? () => {} : openLayer(() => dialog.close());
  return dialog;
}

/**
 * The title of a dialog: while it is open there is nothing else to read, so it is the first heading.
 *
 * @param {import("/console/lib/dom.js").Props} props
 * @param {string} text
 */
export const title = (props, text) => h("h2", { ...props, "aria-level": 1 }, text);

/**
 * Asks whether to go on; resolves to true or false.
 *
 * @param {string} question
 * @param {string} text
 * @param {string} action
 * @param {{ kind?: string }} options How the button looks that goes on.
 * @returns {Promise<boolean>}
 */
export function confirmed(question, text, action, { kind = "danger" } = {}) {
  return new Promise((resolve) => {
    /** @param {string} value */
    const answer = (value) => () => {
      dialog.returnValue = value;
      dialog.close(value);
    };
    const no = button("", t("cancel"), answer("no"), { text: true, kind: "outline", autofocus: true });
    const yes = button("", action, answer("yes"), { text: true, kind });
    const dialog = openDialog("small-dialog", question, [title({}, question), h("p", {}, text), h("div", { class: "actions end" }, no, yes)], {
      onClose: () => resolve(dialog.returnValue === "yes"),
    });
  });
}
