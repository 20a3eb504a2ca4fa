// What is known of the pictures of a group, and in what they differ.
import { number, score } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { store } from "/console/lib/store.js";
import { valueText } from "/console/widgets/attributes.js";

/** @import { Member } from "./api.js" */
/** @typedef {{ value: string, differs: boolean, best: boolean }} Cell `best`, where it is the one that has most of it. */
/** @typedef {{ label: string, cells: Cell[] }} Column */
/** @typedef {Cell & { label: string }} Fact */

const ATTRIBUTES = 4; // that differ, at most

/**
 * For each member its facts.
 *
 * @param {Member[]} members
 * @returns {Fact[][]}
 */
export function factsOf(members) {
  const columns = [
    column("fact-pixels", members, ({ picture }) => t("size-of", { width: number(picture.width), height: number(picture.height) }), ({ picture }) => picture.width * picture.height),
    column("measure-sharpness", members, ({ picture }) => number(picture.quality.sharpness ?? 0), ({ picture }) => picture.quality.sharpness),
    plainly(column("score", members, (member) => score(member.score))),
    column("fact-reason", members, (member) => t(`reason-${member.reason}`)),
    ...attributeColumns(members),
  ].filter((one) => one.cells.some(({ value }) => value));
  return members.map((_, at) => columns.map(({ label, cells }) => ({ label, ...cells[at] })));
}

/**
 * @param {string} key
 * @param {Member[]} members
 * @param {(member: Member) => string} valueOf
 * @param {(member: Member) => number | undefined} [amountOf]
 */
function column(key, members, valueOf, amountOf) {
  return { label: t(key), cells: cellsOf(members, valueOf, amountOf) };
}

/**
 * The score to the nearest other differs as a rule: that it does says nothing.
 *
 * @param {Column} one
 */
const plainly = ({ label, cells }) => ({ label, cells: cells.map((cell) => ({ ...cell, differs: false })) });

/**
 * @param {Member[]} members
 * @param {(member: Member) => string} valueOf
 * @param {(member: Member) => number | undefined} [amountOf]
 */
function cellsOf(members, valueOf, amountOf) {
  const values = members.map(valueOf);
  const differs = new Set(values).size > 1;
  const amounts = amountOf ? members.map(amountOf) : [];
  const most = Math.max(...amounts.map((amount) => amount ?? 0));
  return values.map((value, at) => ({ value, differs, best: differs && amounts.length > 0 && amounts[at] === most }));
}

/**
 * Declared attributes in which they differ: what would be lost with the wrong picture.
 *
 * @param {Member[]} members
 * @returns {Column[]}
 */
function attributeColumns(members) {
  const columns = store.attributes.map(({ name }) => ({ label: name, cells: cellsOf(members, ({ picture }) => valueText(picture.attributes[name] ?? null) || "–") }));
  return columns.filter(({ cells }) => cells[0].differs).slice(0, ATTRIBUTES);
}
