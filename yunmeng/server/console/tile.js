// One picture in a grid: open it, search with it, put it into a comparison.
import * as api from "./api.js";
import { addToComparison } from "./compare.js";
import { button, h } from "./dom.js";
import { score, shortName } from "./format.js";
import { t } from "./i18n.js";
import { ask, href, route, show } from "./router.js";

export const DRAGGED = "application/x-yunmeng-id";

/** A cell for `item`; `known`, its cell from before, is changed where it is given. */
export function tile(item, known) {
  if (known) return refresh(known, item);
  const { id } = item;
  const open = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a new tab, as with any link
    event.preventDefault();
    show(id);
  };
  return refresh(
    h(
      "div",
      { class: "tile", role: "gridcell" },
      h("a", { class: "tile-open", onclick: open, ondragstart: (event) => drag(event, id) }, picture(id)),
      h("div", { class: "caption" }, h("span", { class: "name", title: id }, shortName(id)), h("span", { class: "score" })),
      h(
        "div",
        { class: "tile-actions" },
        button("search", t("search-with-this"), () => ask({ id }), { kind: "chip-button" }),
        button("compare", t("compare-add"), () => addToComparison({ id }), { kind: "chip-button" }),
      ),
    ),
    item,
  );
}

function refresh(cell, item) {
  const hasScore = typeof item.score === "number";
  const spoken = hasScore ? t("hit-label", { name: item.id, score: score(item.score) }) : item.id;
  const link = cell.querySelector("a");
  link.setAttribute("aria-label", spoken);
  link.href = href({ ...route(), show: item.id });
  cell.querySelector(".score").textContent = hasScore ? score(item.score) : "";
  return cell;
}

function picture(id) {
  const image = h("img", { loading: "lazy", decoding: "async", alt: "", width: 256, height: 256 });
  image.addEventListener("load", () => image.classList.add("there"));
  image.addEventListener("error", () => image.classList.add("missing"));
  image.srcset = `${api.thumbnail(id, 256)} 1x, ${api.thumbnail(id, 512)} 2x`;
  image.src = api.thumbnail(id, 256);
  return image;
}

// A tile can be dropped on the question box, like a file.
function drag(event, id) {
  event.dataTransfer.setData(DRAGGED, id);
  event.dataTransfer.effectAllowed = "copy";
}
