// What was done to a picture, in words.
import { number } from "/console/lib/format.js";
import { has, language, t } from "/console/lib/i18n.js";

const SHARES = ["crop", "inset", "overlay", "scale"];

/** The server tells it at length in English; in Chinese it is told here, with the amount that docs/copies.md explains. */
export function editWords({ name, amount, detail }) {
  if (language() === "en" || !has(`edit-${name}`)) return detail.replace(/^./, (letter) => letter.toUpperCase());
  const back = name === "rotation" && amount < 0;
  return t(back ? "edit-rotation-back" : `edit-${name}`, { n: amountText(name, amount ?? 0) });
}

function amountText(name, amount) {
  if (name === "rotation") return `${number(Math.abs(amount))}°`;
  return SHARES.includes(name) ? t("percent", { n: number(amount * 100) }) : number(amount, 2);
}
