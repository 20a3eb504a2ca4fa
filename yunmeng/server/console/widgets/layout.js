// Rows of pictures of one height that fill the width, as photo albums have them.

const SLIMMEST = 0.65; // width by height of a tile; what is slimmer or wider lies whole on a mat
const WIDEST = 2.4;

/** @typedef {{ first: number, end: number, top: number, height: number, pitch: number, widths: number[] }} Row */

/**
 * The shape of a tile for a picture; a square where its size is not known.
 *
 * @param {{ width?: number, height?: number }} picture
 */
export const aspectOf = ({ width, height }) => (width && height ? Math.min(Math.max(width / height, SLIMMEST), WIDEST) : 1);

/**
 * Rows for tiles of these shapes, none higher than `height`. The last row is not stretched, unless nearly full.
 *
 * @param {number[]} aspects
 * @param {{ width: number, height: number, gap: number, caption: number }} room `caption` is what lies below each picture.
 * @returns {Row[]}
 */
export function justify(aspects, { width, height, gap, caption }) {
  /** @type {Row[]} */
  const rows = [];
  let first = 0;
  let sum = 0;
  let top = 0;
  for (let at = 0; at < aspects.length; at += 1) {
    sum += aspects[at];
    const free = width - gap * (at - first);
    const last = at === aspects.length - 1;
    if (sum * height < free && !last) continue;
    const fitted = Math.min(free / sum, height);
    const widths = aspects.slice(first, at + 1).map((aspect) => aspect * fitted);
    rows.push({ first, end: at + 1, top, height: fitted, pitch: fitted + caption + gap, widths });
    top += fitted + caption + gap;
    first = at + 1;
    sum = 0;
  }
  return rows;
}

/**
 * The place in `rows` of the first row for which `passes` is true, where it is false before; their number where there is none.
 *
 * @param {Row[]} rows
 * @param {(row: Row) => boolean} passes
 */
export function firstRow(rows, passes) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(rows[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
