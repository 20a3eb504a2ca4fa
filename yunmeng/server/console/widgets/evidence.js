// The evidence: both pictures side by side and aligned, drawn by the server, to look at and to keep.
import * as api from "/console/lib/api.js";
import { button, h, icon } from "/console/lib/dom.js";
import { shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { failure } from "./states.js";

/**
 * The part of a comparison that shows the evidence, at once or with `later` when it is asked for; `urls` takes the addresses
 * to be given back, and `signal` calls it off.
 */
export function evidenceOf(a, b, { later, urls, signal }) {
  const place = h("div", { class: "evidence", "aria-live": "polite" });
  const load = async () => {
    place.replaceChildren(h("div", { class: "facts-wait" }));
    try {
      const url = URL.createObjectURL(await api.evidence(a, b, signal));
      urls.push(url);
      place.replaceChildren(drawing(url, `${stem(a)}-${stem(b)}.png`));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(failure(error, load));
    }
  };
  if (later) place.append(button("compare", t("evidence-show"), load, { text: true, kind: "outline" }));
  else load();
  return place;
}

/** What a file may be named after a side of a comparison. */
const stem = ({ id, url, file }) => shortName(id ?? url ?? file.name).replace(/\.\w{1,5}$/, "").replaceAll(/[^\p{L}\p{N}_-]+/gu, "-") || "picture";

function drawing(url, name) {
  const image = h("img", { src: url, alt: t("evidence-alt"), class: "evidence-picture" });
  const large = h("a", { href: url, target: "_blank", rel: "noopener", "aria-label": t("evidence-large"), title: t("evidence-large") }, image);
  const keep = h("a", { class: "outline", href: url, download: `${t("evidence-file")}-${name}` }, icon("download"), h("span", {}, t("evidence-keep")));
  return h("figure", {}, large, h("div", { class: "actions" }, keep));
}
