// The review of near-duplicates: look for them, judge them group by group, undo. Nothing leaves the library unasked.
import { $, addStyles, button, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number } from "/console/lib/format.js";
import { addWords, t } from "/console/lib/i18n.js";
import { prefer, preference } from "/console/lib/preferences.js";
import { href } from "/console/lib/router.js";
import { loadLibrary, may } from "/console/lib/store.js";
import { announce, fail, toast } from "/console/widgets/announce.js";
import { confirmed } from "/console/widgets/dialog.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import * as duplicates from "./api.js";
import { ReviewGroup } from "./group.js";
import { DuplicateSearch } from "./search.js";
import { DUPLICATE_WORDS } from "./words.js";

/** @import { Group, SearchState } from "./api.js" */
/** @import { Route } from "/console/lib/types.js" */

addWords(DUPLICATE_WORDS);
await addStyles("/console/pages/duplicates/page.css");

const PAGE = 20;
const AT_ONCE = 100; // groups in one request, where all of them are looked through
const FOLDERS = 200; // that are offered, at most
const KEYS = [["←→↑↓", "key-move"], ["K", "keep"], ["D", "discard"], ["O", "keep-only"], ["Enter", "key-apply"], ["Space", "zoom"], ["U", "undo"]];

// Choices that are not applied yet outlive the page: another language, or a look at the library, does not lose them.
/** @type {{ of: string | null, choices: Map<number, Set<string>> }} */
const drafts = { of: null, choices: new Map() };

export default class ReviewPage {
  static title = "duplicates-link";
  static scope = "write";

  constructor() {
    /** @type {Map<number, ReviewGroup>} By number, in their order. */
    this.groups = new Map();
    /** @type {ReviewGroup[]} */
    this.decidedLast = [];
    /** @type {boolean | undefined} Which of the two lists is shown. */
    this.decided = undefined;
    /** @type {SearchState | null} */
    this.state = null;
    this.element = h("div", { class: "review-page" }, h("header", { class: "library-head" }, h("h1", {}, t("duplicates")), h("p", { class: "hint" }, t("duplicates-hint"))));
    /** @type {Feed<Group>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.tabs = [tab(false, "groups-open"), tab(true, "groups-decided")];
    const tabs = h("nav", { class: "tabs", "aria-label": t("duplicates") }, ...this.tabs.map(({ element }) => element));
    this.all = button("check", "", () => this.#decideAll(), { text: true, kind: "outline", hidden: true, id: "decide-clear" });
    this.folder = h("select", { class: "field keep-folder", "aria-label": t("keep-folder"), onchange: () => this.#keepFolder() });
    this.compact = h("input", { type: "checkbox", role: "switch", checked: preference("compact"), onchange: () => prefer("compact", this.compact.checked) });
    this.onPreference = () => this.element.classList.toggle("compact", preference("compact"));
    this.onPreference();
    window.addEventListener("preference", this.onPreference);
    const compact = h("div", { class: "switch" }, h("label", {}, h("span", {}, t("groups-compact")), this.compact));
    this.list = h("div", { class: "groups" });
    this.below = h("div", { class: "below" });
    this.more = button("down", t("groups-more"), () => this.feed.more(), { text: true, kind: "outline groups-next" });
    this.body = h("section", { class: "review-body", "aria-label": t("groups"), hidden: true }, h("div", { class: "review-bar" }, tabs, compact, this.folder, this.all), legend(), this.list, this.below);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.#onKey(event);
    this.search = may("write") ? new DuplicateSearch((state, ended) => this.#onSearch(state, ended)) : null;
    if (!this.search) {
      this.element.append(notice("key", t("error.scope"), null));
      return;
    }
    this.element.append(this.search.element, this.body);
    document.addEventListener("keydown", this.onKey);
  }

  destroy() {
    this.feed.stop();
    this.search?.destroy();
    window.removeEventListener("preference", this.onPreference);
    document.removeEventListener("keydown", this.onKey);
  }

  /** @param {Route} route */
  update({ view }) {
    const decided = view === "decided";
    if (!this.search || this.decided === decided) return;
    this.decided = decided;
    if (this.#looked()) this.#reload();
  }

  #looked() {
    return this.state !== null && !["none", "running"].includes(this.state.status);
  }

  /** @param {SearchState} state @param {boolean} anew */
  #onSearch(state, anew) {
    this.state = state;
    this.body.hidden = !this.#looked();
    if (drafts.of !== state.finished_at) Object.assign(drafts, { of: state.finished_at, choices: new Map() });
    if (anew && this.#looked()) this.#reload();
    this.#drawBar();
  }

  #reload() {
    this.groups.clear();
    this.list.replaceChildren();
    this.feed.start();
  }

  /**
   * The next groups lie behind those that are still on the list they were read from: what is decided has left it.
   *
   * @param {number | null} cursor
   * @param {AbortSignal} signal
   */
  async #fetch(cursor, signal) {
    const offset = cursor === null ? 0 : [...this.groups.values()].filter((group) => group.decided === this.decided).length;
    const page = await duplicates.groups({ offset, limit: PAGE, open: !this.decided }, signal);
    return { items: page.groups, next: page.next_offset };
  }

  #draw() {
    const { items, status } = this.feed;
    for (const group of status === "loading" ? [] : items) { // those of before, which the feed keeps so long, are of another list
      if (this.groups.has(group.number)) continue;
      const made = new ReviewGroup(group, drafts.choices.get(group.number), (one, what) => this.#onGroup(one, what));
      this.groups.set(group.number, made);
      this.list.append(made.element);
      if (this.folder.value && !drafts.choices.has(group.number)) made.keepFolder(this.folder.value);
    }
    this.#drawBar();
    fill(this.below, this.#belowGroups());
    if (status === "ready") announce(t("groups-count", { n: number(this.groups.size) }));
  }

  #belowGroups() {
    const { status, next, error } = this.feed;
    if (status === "failed") return failure(error, () => this.feed.retry());
    if (status === "loading" || status === "more") return skeleton(4);
    if (this.groups.size) return next === null ? null : this.more;
    const { status: ended, groups } = this.state ?? { status: "none", groups: 0 };
    if (ended !== "done" && !groups) return null; // a search that did not end has not found that there are none
    return notice("check", t(this.decided ? "none-decided" : groups ? "all-decided" : "no-duplicates"), null);
  }

  #drawBar() {
    const { open = 0, groups = 0 } = this.state ?? {};
    [open, groups - open].forEach((count, at) => this.tabs[at].set(this.decided, count));
    const clear = this.#clear();
    this.all.hidden = clear.length === 0 || this.decided === true;
    const counts = { n: number(clear.length), pictures: number(leaving(clear)) };
    $("span", this.all).textContent = this.feed.next === null ? t("decide-clear", counts) : t("decide-clear-everywhere");
    this.#offerFolders();
  }

  /** Folders by which groups on the page can be decided on. */
  #offerFolders() {
    const chosen = this.folder.value;
    const names = new Set([...this.groups.values()].filter((group) => !group.decided).flatMap((group) => group.folders));
    if (chosen) names.add(chosen);
    this.folder.hidden = this.decided === true || names.size === 0;
    const before = [...this.folder.options].slice(1).map(({ value }) => value);
    const now = [...names].sort().slice(0, FOLDERS);
    if (before.join("\n") === now.join("\n") && this.folder.length) return;
    this.folder.replaceChildren(h("option", { value: "" }, t("keep-folder")), ...now.map((name) => h("option", { value: name }, t("keep-folder-named", { name }))));
    this.folder.value = chosen;
  }

  #keepFolder() {
    const folder = this.folder.value;
    if (!folder) return;
    const changed = [...this.groups.values()].filter((group) => group.keepFolder(folder));
    toast(t("keep-folder-done", { n: number(changed.length), name: folder }));
  }

  /**
   * The clear groups of all pages; those that are not on the page are made, and not shown.
   *
   * @returns {Promise<ReviewGroup[]>}
   */
  async #clearEverywhere() {
    if (this.feed.next === null) return this.#clear();
    const signal = new AbortController().signal;
    /** @type {ReviewGroup[]} */
    const all = [];
    for (let offset = /** @type {number | null} */ (0); offset !== null;) {
      const page = await duplicates.groups({ offset, limit: AT_ONCE, open: true }, signal);
      for (const group of page.groups) {
        const shown = this.groups.get(group.number);
        const made = shown ?? new ReviewGroup(group, drafts.choices.get(group.number), (one, what) => what !== "choice" && this.#onGroup(one, what));
        if (!shown && this.folder.value) made.keepFolder(this.folder.value);
        all.push(made);
      }
      announce(t("decide-clear-looking", { n: number(all.length) }));
      offset = page.next_offset;
    }
    return all.filter((group) => group.clear);
  }

  /** Groups on the page that are the same file or the same picture throughout. */
  #clear() {
    return [...this.groups.values()].filter((group) => group.clear);
  }

  /** @param {ReviewGroup} group @param {"choice" | "decided" | "undone"} what */
  #onGroup(group, what) {
    const { number: which } = group.group;
    if (what === "decided") drafts.choices.delete(which);
    else drafts.choices.set(which, group.discard);
    const shown = this.groups.get(which);
    if (shown && shown !== group) shown.set(group.group, drafts.choices.get(which)); // undone from the other list, by a message
    if (what === "decided") this.decidedLast.push(group);
    if (what === "undone") this.decidedLast = this.decidedLast.filter((one) => one !== group);
    if (what === "choice") return this.#drawBar();
    loadLibrary().catch(() => {}); // only the number of pictures
    return this.search?.refresh();
  }

  async #decideAll() {
    this.all.disabled = true;
    const groups = await this.#clearEverywhere().catch((error) => (fail(error), [])).finally(() => (this.all.disabled = false));
    if (!groups.length) return;
    const counts = { n: number(groups.length), pictures: number(leaving(groups)) };
    if (!(await confirmed(t("decide-clear-title"), t("decide-clear-sure", counts), t("decide-clear-do", counts)))) return;
    /** @type {ReviewGroup[]} */
    const done = [];
    let gone = 0;
    for (const group of groups) {
      const leaves = group.discard.size;
      if (!(await group.decide({ quiet: true }))) break; // it has said why
      done.push(group);
      gone += leaves;
    }
    if (!done.length) return;
    const undo = async () => {
      for (const group of done.reverse()) await group.undo({ quiet: true });
      toast(t("toast-undone-all", { n: number(done.length) }));
    };
    toast(t("toast-decided-all", { n: number(done.length), pictures: number(gone) }), { action: { label: t("undo"), act: undo } });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || $("dialog:modal") || target.closest("input, select, textarea, summary, .header, .toast")) return;
    const groups = [...this.groups.values()];
    const element = target.closest(".group");
    const group = groups.find((one) => one.element === element);
    const act = group ? keyOn(group, groups, event) : keyOutside(groups, event);
    if (act === undefined && event.key.toLowerCase() === "u" && this.decidedLast.length) return this.decidedLast.at(-1)?.undo();
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/**
 * A link to one of the two lists, changed in place: one that is replaced under the pointer takes no click.
 *
 * @param {boolean} decided
 * @param {string} key
 */
function tab(decided, key) {
  const count = h("span", { class: "chip-count" });
  const element = h("a", { class: "tab", href: href({ page: "duplicates", view: decided ? "decided" : null }) }, t(key), count);
  /** @param {boolean | undefined} shown @param {number} n */
  const set = (shown, n) => {
    count.textContent = number(n);
    if (shown === decided) element.setAttribute("aria-current", "page");
    else element.removeAttribute("aria-current");
  };
  return { element, set };
}

/** @param {ReviewGroup[]} groups */
const leaving = (groups) => groups.reduce((sum, group) => sum + group.discard.size, 0);

/**
 * What a key means outside of the groups: an arrow leads into them.
 *
 * @param {ReviewGroup[]} groups
 * @param {KeyboardEvent} event
 */
const keyOutside = (groups, { key }) => (key === "ArrowDown" && groups.length ? () => groups[0].focus() : undefined);

/**
 * What a key means where the keyboard is in a group; undefined for none.
 *
 * @param {ReviewGroup} group
 * @param {ReviewGroup[]} groups
 * @param {KeyboardEvent} event
 */
function keyOn(group, groups, { key, target }) {
  const at = group.active;
  const beside = groups[groups.indexOf(group) + (key === "ArrowDown" ? 1 : -1)];
  /** @type {Record<string, () => unknown>} */
  const moves = { ArrowLeft: () => group.focus(at - 1), ArrowRight: () => group.focus(at + 1), ArrowUp: () => beside?.focus(), ArrowDown: () => beside?.focus() };
  if (moves[key]) return moves[key];
  if (group.decided) return key.toLowerCase() === "u" ? () => group.undo() : undefined;
  const onPicture = /** @type {HTMLElement} */ (target).closest(".member-picture");
  if (key === "Enter") return onPicture ? () => decideAndGoOn(group, groups) : undefined; // on a button it presses that
  /** @type {Record<string, () => void>} */
  const choices = { k: () => group.choose(at, true), d: () => group.choose(at, false), o: () => group.keepOnly(at) };
  return choices[key.toLowerCase()];
}

/** @param {ReviewGroup} group @param {ReviewGroup[]} groups */
async function decideAndGoOn(group, groups) {
  if (!(await group.decide())) return;
  const later = groups.slice(groups.indexOf(group) + 1);
  (later.find((one) => !one.decided) ?? group).focus();
}

function legend() {
  /** @param {string[]} pair */
  const key = ([keys, word]) => h("span", {}, h("kbd", {}, keys), t(word));
  return h("p", { class: "legend", role: "note", "aria-label": t("keys") }, ...KEYS.map(key));
}
