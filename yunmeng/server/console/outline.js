// The part of a picture that matches, outlined on the picture, wherever its box is larger than it or cuts it off.
import { drawn } from "./dom.js";

const FITS = { contain: "meet", "scale-down": "meet", cover: "slice" };

/**
 * A drawing to be laid exactly over the box of `image`. `region` is { x, y, w, h }; `fit` is the image's object-fit.
 * Its view box is the picture, and "meet" and "slice" place that as "contain" and "cover" place the image.
 */
export function outline(image, { x, y, w, h }, fit = "contain") {
  const svg = drawn("svg", { class: "outline-of-part", preserveAspectRatio: `xMidYMid ${FITS[fit]}`, "aria-hidden": "true" });
  const draw = () => {
    const { naturalWidth: width, naturalHeight: height } = image;
    if (!width) return;
    const place = { x: x * width, y: y * height, width: w * width, height: h * height };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (fit === "scale-down") Object.assign(svg.style, { maxWidth: `${width}px`, maxHeight: `${height}px` }); // never enlarged
    svg.replaceChildren(drawn("rect", { ...place, class: "under" }), drawn("rect", place));
  };
  image.addEventListener("load", draw);
  draw();
  return svg;
}
