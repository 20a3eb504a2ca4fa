// The part of a picture that matches, outlined on the picture, wherever its box is larger than it or cuts it off.
import { drawn } from "/console/lib/dom.js";

/** @import { Box, Polygon, Shown } from "/console/lib/types.js" */

/** @type {Record<string, string>} */
const FITS = { contain: "meet", "scale-down": "meet", cover: "slice" };

/**
 * What is to be outlined on a hit: where its features lie, or else the part that was found; null for neither.
 *
 * @param {Shown} item
 * @returns {Polygon | Box | null}
 */
export const outlineOf = ({ alignment, region }) => alignment?.outline ?? region ?? null;

/**
 * A drawing to be laid exactly over the box of `image`. `part` is { x, y, w, h } or a polygon [[x, y], ...], in fractions of
 * the picture; `fit` is the image's object-fit. Its view box is the picture, and "meet" and "slice" place that as "contain"
 * and "cover" place the image.
 *
 * @param {HTMLImageElement} image
 * @param {Polygon | Box} part
 * @param {string} fit
 */
export function outline(image, part, fit = "contain") {
  const svg = drawn("svg", { class: "outline-of-part", preserveAspectRatio: `xMidYMid ${FITS[fit]}`, "aria-hidden": "true" });
  const draw = () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (!width) return;
    /** @param {Record<string, string>} extra */
    const shape = (extra) => shapeOf(part, width, height, extra);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (fit === "scale-down") Object.assign(svg.style, { maxWidth: `${width}px`, maxHeight: `${height}px` }); // never enlarged
    svg.replaceChildren(shape({ class: "under" }), shape({}));
  };
  image.addEventListener("load", draw);
  draw();
  return svg;
}

/** @param {Polygon | Box} part @param {number} width @param {number} height @param {Record<string, string>} extra */
function shapeOf(part, width, height, extra) {
  if (Array.isArray(part)) return drawn("polygon", { points: part.map(([x, y]) => `${x * width},${y * height}`).join(" "), ...extra });
  return drawn("rect", { x: part.x * width, y: part.y * height, width: part.w * width, height: part.h * height, ...extra });
}
