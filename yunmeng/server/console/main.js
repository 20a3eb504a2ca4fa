// Starts the console: who is asking, what the library is, and then the page that the address names.
import * as api from "/console/lib/api.js";
import { $, button, h } from "/console/lib/dom.js";
import { applyLanguage, language, t } from "/console/lib/i18n.js";
import { at } from "/console/lib/place.js";
import { nextTheme, switchLanguage, theme } from "/console/lib/preferences.js";
import { addPage, route } from "/console/lib/router.js";
import { keepShell } from "/console/lib/shell.js";
import { fetchKept, forgetLibrary, isElsewhere, isIn, loadLibrary, loadSession, may, store } from "/console/lib/store.js";
import { LibraryPage } from "/console/pages/library/page.js";
import { MatchPage } from "/console/pages/match/page.js";
import { SearchPage } from "/console/pages/search/page.js";
import { SignInPage } from "/console/pages/signin/page.js";
import { fail } from "/console/widgets/announce.js";
import { questionBox } from "/console/widgets/box.js";
import { drawTray } from "/console/widgets/compare.js";
import { showDetail } from "/console/widgets/detail.js";
import { listen } from "/console/widgets/intake.js";
import { failure, skeleton } from "/console/widgets/states.js";

/** @import { Shape } from "/console/lib/dom.js" */
/** @import { AppPage, Page } from "/console/lib/types.js" */

/** @type {Record<string, Shape>} */
const THEMES = { auto: "auto", light: "sun", dark: "moon" };
/** @type {Record<string, new () => Page>} */
const PAGES = { search: SearchPage, library: LibraryPage, match: MatchPage };
/** @type {Map<string, AppPage>} */
const APP_PAGES = new Map();
/** @type {Page | null} */
let page = null;
/** @type {string | null} */
let kind = null;
/** @type {ReturnType<typeof questionBox> | null} */
let box = null;
let atDoor = false; // of those who may search without a key, who wants to show one

async function start() {
  atDoor = false;
  applyLanguage();
  drawHeader();
  $("#main").replaceChildren(skeleton());
  try {
    const library = loadLibrary({ quiet: true }); // not after the session: on a slow line each wait is felt
    library.catch(() => {}); // who needs a key gets none
    await loadSession();
    if (isIn()) {
      await library;
      await loadPages();
    } else forgetLibrary();
    draw();
    if (isIn()) requestIdleCallback(() => keepShell(store.library.version));
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) onSignedOut();
    else $("#main").replaceChildren(failure(error, start));
  }
}

/** Loads the pages of applications. One that is broken is missing in the navigation, and the others are not. */
async function loadPages() {
  for (const name of store.library.pages.filter((one) => !APP_PAGES.has(one))) {
    try {
      const { default: AppPage } = await import(`/console/pages/${name}/page.js`);
      APP_PAGES.set(name, AppPage);
      PAGES[name] = AppPage;
      addPage(name);
    } catch (error) {
      console.error(error);
    }
  }
}

/** Builds header and page anew: at first, after signing in or out, and in another language. */
function draw() {
  page?.destroy?.();
  page = kind = null;
  showDetail(null);
  applyLanguage();
  drawHeader();
  drawTray();
  update();
}

/** @type {Map<number, unknown>} What was shown at the steps of the history. */
const places = new Map();

/**
 * Makes the page show what the address says; where Back has led here again, as it was left.
 *
 * @param {Event} [event]
 */
function update(event) {
  if (!store.session || (isIn() && !store.library)) return;
  if (event) atDoor = false; // who goes elsewhere has thought better of it
  const wanted = route();
  const next = isIn() && !atDoor ? wanted.page : "signin";
  if (next !== kind) {
    page?.destroy?.();
    page = next === "signin" ? new SignInPage(start) : new PAGES[next]();
    kind = next;
    $("#main").replaceChildren(page.element);
    window.scrollTo(0, 0);
  }
  if (isIn() && wanted.upload && isElsewhere(wanted.upload)) return bring(wanted.upload);
  page?.update(wanted, event instanceof CustomEvent ? places.get(event.detail) : undefined);
  box?.update();
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".header a[data-page]"))) {
    if (link.dataset.page === kind) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${store.library ? `${store.library.name} · ` : ""}${t("product")}`;
  if (isIn()) showDetail(wanted.show, page);
}

/**
 * Brings a picture that the address names from the server, and goes on then.
 *
 * @param {string} digest
 */
async function bring(digest) {
  try {
    await fetchKept(digest);
    update();
  } catch (error) {
    $("#main").replaceChildren(failure(error, () => (draw(), undefined)));
  }
}

/** @param {MouseEvent} event */
function skip(event) {
  event.preventDefault(); // the fragment is the address of what is shown
  if (!page?.skipTo?.()) $("#main").focus();
}

function drawHeader() {
  box = isIn() ? questionBox() : null;
  const other = language() === "zh" ? "EN" : "中";
  const themeButton = () =>
    button(THEMES[theme()], t(`theme-${theme()}`), (event) => {
      nextTheme();
      event.currentTarget.replaceWith(themeButton());
      $("#theme").focus();
    }, { id: "theme" });
  const keyed = store.session?.keys_required && isIn();
  const leave = keyed && (store.session?.name === null ? button("key", t("sign-in"), toDoor) : button("leave", t("sign-out"), signOut));
  /** @param {string} name @param {string} word */
  const link = (name, word) => h("a", { class: "quiet", href: `#/${name}`, "data-page": name }, t(word));
  const ofApps = [...APP_PAGES].filter(([, { scope }]) => may(scope)).map(([name, { title }]) => link(name, title));
  const links = isIn() ? [link("library", "library"), ...ofApps] : [];
  const [tag, name] = other === "EN" ? ["en", "English"] : ["zh-CN", "中文"];
  const languageButton = h(
    "button",
    { type: "button", class: "quiet", id: "language", lang: tag, "aria-label": name, onclick: changeLanguage },
    other,
  );
  $("#skip").textContent = t(isIn() && ["search", "library"].includes(route().page) ? "skip-to-pictures" : "skip");
  $("#header").replaceChildren(
    h(
      "a",
      { class: "brand", href: "#/", "aria-label": t("product") },
      h("img", { src: at("/console/icon.svg"), alt: "", width: 30, height: 30 }),
      h("span", {}, t("brand")),
    ),
    box?.element ?? h("span", { class: "box-place" }),
    h("nav", { "aria-label": t("navigation") }, ...links, languageButton, themeButton(), leave),
  );
}

function changeLanguage() {
  switchLanguage();
  draw();
  $("#language").focus();
}

function toDoor() {
  atDoor = true;
  update();
}

async function signOut() {
  try {
    await api.signOut();
    forgetLibrary();
    await start();
  } catch (error) {
    fail(error);
  }
}

/** A key that has run out, or was taken back: to the door, and back to the same address after it. */
function onSignedOut() {
  if (kind === "signin") return;
  store.session = { keys_required: true, scope: null, scopes: [], name: null };
  forgetLibrary();
  draw();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const typing = /** @type {HTMLElement} */ (event.target).closest("input:not([type=range]):not([type=radio]), textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || $("dialog:modal") || !box) return;
  event.preventDefault();
  box.input.focus();
  box.input.select();
}

history.scrollRestoration = "manual"; // the browser would scroll before the pictures are there
window.addEventListener("route", update);
window.addEventListener("leave", (event) => places.set(/** @type {CustomEvent<number>} */ (event).detail, page?.place?.()));
$("#skip").addEventListener("click", skip);
window.addEventListener("library", () => page?.libraryChanged?.());
window.addEventListener("signedout", onSignedOut);
window.addEventListener("keydown", onKey);
listen(() => page?.receive?.() ?? { hint: "drop-to-search", files() {} });
start();
