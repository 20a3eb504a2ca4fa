// How pictures of a grid are chosen: by their check mark, Shift for a range, a long press of a finger, and the keyboard.

/** @import { Grid } from "./grid.js" */
/** @import { Selection } from "./selection.js" */

const LONG = 450; // milliseconds of a finger on a picture
const SLIPPED = 10; // pixels that it may move meanwhile

/**
 * Lets pictures of `grid` be chosen.
 *
 * @template {{ id: string, width?: number, height?: number }} Item
 * @param {Grid<Item>} grid
 * @param {Selection<Item>} selection
 */
export function choosing(grid, selection) {
  const { element } = grid;
  let pressed = false; // a long press has chosen; the click that follows it means nothing

  /** @param {MouseEvent} event */
  const onClick = (event) => {
    const item = grid.itemAt(event.target);
    const target = /** @type {Element} */ (event.target);
    if (!item) return;
    const onCheck = Boolean(target.closest(".tile-check"));
    const onPicture = Boolean(target.closest(".tile-open"));
    if (pressed && onPicture) return stop(event);
    if (!onCheck && !(onPicture && selection.size && !event.ctrlKey && !event.metaKey)) return;
    stop(event);
    if (event.shiftKey) selection.extend(grid.items, item);
    else selection.toggle(item);
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    const item = grid.itemAt(event.target);
    const onPicture = /** @type {Element} */ (event.target).closest(".tile-open");
    const all = event.key === "a" && (event.ctrlKey || event.metaKey);
    if (all) selection.add(grid.items);
    else if (event.key === "Escape" && selection.size) selection.clear();
    else if (event.key === " " && item && onPicture && event.shiftKey) selection.extend(grid.items, item);
    else if (event.key === " " && item && onPicture) selection.toggle(item);
    else return;
    stop(event);
  };

  /** @param {PointerEvent} event */
  const onDown = (event) => {
    pressed = false;
    const item = grid.itemAt(event.target);
    if (event.pointerType !== "touch" || !item || !(/** @type {Element} */ (event.target).closest(".tile-open"))) return;
    const timer = setTimeout(() => {
      pressed = true;
      navigator.vibrate?.(10);
      selection.toggle(item);
    }, LONG);
    const calls = new AbortController();
    const end = () => (clearTimeout(timer), calls.abort());
    const { signal } = calls;
    window.addEventListener("pointermove", (now) => Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY) > SLIPPED && end(), { signal });
    window.addEventListener("pointerup", end, { signal });
    window.addEventListener("pointercancel", end, { signal });
  };

  element.addEventListener("click", onClick, { capture: true });
  element.addEventListener("keydown", onKey, { capture: true });
  element.addEventListener("pointerdown", onDown);
  // A finger that rests on a link would bring up the browser's own menu, or drag the link.
  element.addEventListener("contextmenu", (event) => (pressed || /** @type {PointerEvent} */ (event).pointerType === "touch") && event.preventDefault());
}

/** @param {Event} event */
function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}
