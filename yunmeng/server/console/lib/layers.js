// What lies over the page, such as a dialog or a menu: Back closes the topmost. Each is a step in the browser's history.

/** @type {{ close: () => void }[]} */
const layers = [];
/** @type {(() => void)[]} */
const waiting = [];
let backs = 0; // ways back that the browser has not gone yet

const inHistory = () => history.state?.layers ?? 0;

/**
 * Notes that something has been opened over the page. Returns what is to be called when it was closed in another way than
 * by Back.
 *
 * @param {() => void} close Closes it; it may call what was returned.
 */
export function openLayer(close) {
  const layer = { close };
  let closed = false;
  afterBack(() => {
    if (closed) return;
    layers.push(layer);
    history.pushState({ ...history.state, layers: layers.length }, "");
  });
  return () => {
    closed = true;
    const at = layers.indexOf(layer);
    if (at < 0) return;
    layers.splice(at, 1);
    if (inHistory() > at) back();
  };
}

/** Closes all that lies over the page, before it shows something else. */
export function closeLayers() {
  const steps = inHistory();
  for (const { close } of layers.splice(0).reverse()) close();
  if (steps) back(steps);
}

/** Steps back, which the browser makes when it has time for them. */
export function back(steps = 1) {
  backs += 1;
  history.go(-steps);
}

/**
 * Acts at once, or after the steps back that are under way: what is put into the history before would be lost by them.
 *
 * @param {() => void} act
 */
export function afterBack(act) {
  if (backs) waiting.push(act);
  else act();
}

window.addEventListener("popstate", () => {
  if (backs) {
    backs -= 1;
    if (!backs) setTimeout(() => waiting.splice(0).forEach((act) => act())); // after all that listen
    return;
  }
  while (layers.length > inHistory()) layers.pop()?.close();
});
