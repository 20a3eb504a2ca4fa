// "More like this" and "less like this": a picture goes into the question with a weight, or out of it again.
import { button } from "/console/lib/dom.js";
import { t } from "/console/lib/i18n.js";
import { askedWith, keyOf, partsOf, withoutPart, withPart } from "/console/lib/parts.js";
import { go, route } from "/console/lib/router.js";
import { store } from "/console/lib/store.js";

/** @import { Props, Shape } from "/console/lib/dom.js" */
/** @import { QueryPart, Region, Shown } from "/console/lib/types.js" */

/** @type {{ shape: Shape, key: string, weight: () => number }[]} */
const BUTTONS = [
  { shape: "plus", key: "like", weight: () => 1 },
  { shape: "minus", key: "unlike", weight: () => store.library.vocabulary.unlike },
];

/**
 * The two buttons for `item`, { id, region }; none for the picture that is asked with.
 *
 * @param {Pick<Shown, "id" | "region">} item
 * @param {Props} options
 */
export function likeButtons({ id, region }, options) {
  if (route().id === id) return [];
  /** @type {Region | null} */
  const box = region ? [region.x, region.y, region.w, region.h] : null;
  const now = partsOf(route()).find((one) => one.id === id)?.weight ?? 0;
  return BUTTONS.map(({ shape, key, weight: weigh }) => {
    const weight = weigh();
    const pressed = now * weight > 0;
    return button(shape, t(key), () => like({ id, region: box, weight }, pressed), { ...options, "aria-pressed": String(pressed) });
  });
}

/**
 * Asks with `part` beside what was asked with before; `again` takes it out.
 *
 * @param {QueryPart} part
 * @param {boolean} again
 */
function like(part, again) {
  const parts = partsOf(route());
  const next = again ? withoutPart(parts, keyOf(part)) : withPart(parts, part);
  go({ page: "search", ...askedWith(next), show: null });
}
