// One group of near-duplicates: its pictures side by side, what tells them apart, and which of them stay.
import { thumbnail } from "/console/lib/api.js";
import { $, button, h, icon } from "/console/lib/dom.js";
import { number, shortName } from "/console/lib/format.js";
import { t } from "/console/lib/i18n.js";
import { announce, fail, toast } from "/console/widgets/announce.js";
import { openComparison } from "/console/widgets/compare.js";
import * as duplicates from "./api.js";
import { factsOf } from "./facts.js";

/** @import { Shape } from "/console/lib/dom.js" */
/** @import { Group, Member } from "./api.js" */
/** @import { Fact } from "./facts.js" */

const SHOWN = 12; // pictures of a group at first, and at each press of "more"
const CLEAR = ["same-file", "same-picture"]; // reasons that leave no doubt

export class ReviewGroup {
  /**
   * `draft` is the set of ids that the user would discard, kept from before, or undefined; `onChange(this)` follows a decision.
   *
   * @param {Group} group
   * @param {Set<string> | undefined} draft
   * @param {(group: ReviewGroup, what: "choice" | "decided" | "undone") => void} onChange
   */
  constructor(group, draft, onChange) {
    this.onChange = onChange;
    this.element = h("div", { class: "group", role: "group", "data-group": group.number });
    this.shown = SHOWN;
    this.active = 0;
    this.busy = false;
    this.count = h("span", { class: "group-count" });
    this.apply = button("check", "", () => this.decide(), { text: true, kind: "solid group-apply" });
    this.more = button("down", "", () => this.#showMore(), { text: true, kind: "quiet group-more" });
    this.list = h("ul", { class: "members" });
    /** @type {Map<string, number>} The place of each picture: it keeps it, whatever is chosen. */
    this.places = new Map();
    this.group = group;
    this.members = group.members;
    /** @type {Set<string>} */
    this.discard = new Set();
    this.set(group, draft);
  }

  /** @param {Group} group @param {Set<string>} [draft] */
  set(group, draft) {
    this.group = group;
    /** @param {Member} member */
    const kept = (member) => (member.keep ? 0 : 1);
    const sorted = [...group.members].sort((a, b) => kept(a) - kept(b) || b.score - a.score);
    if (!this.places.size) this.places = new Map(sorted.map((member, at) => [idOf(member), at]));
    const place = (/** @type {Member} */ member) => this.places.get(idOf(member)) ?? 0;
    this.members = sorted.sort((a, b) => place(a) - place(b));
    this.discard = draft ?? new Set(this.members.filter((member) => !member.keep && member.there).map(idOf));
    this.draw();
  }

  get decided() {
    return this.group.decided;
  }

  /** The pictures that can still be decided on. */
  get here() {
    return this.members.filter((member) => member.there);
  }

  get kept() {
    return this.here.length - this.discard.size;
  }

  /** Whether all of its pictures are the same file or the same picture, and something would go while something stays. */
  get clear() {
    return !this.decided && this.kept > 0 && this.discard.size > 0 && this.members.every(({ reason }) => CLEAR.includes(reason));
  }

  draw() {
    const { number: which, members } = this.group;
    const title = t("group-title", { n: number(which) });
    this.element.setAttribute("aria-label", `${title}. ${t("pictures-count", { n: number(members.length) })}`);
    this.element.classList.toggle("decided", this.decided);
    const undo = button("undo", t("undo"), () => this.undo(), { text: true, kind: "outline group-undo" });
    const head = h(
      "header",
      { class: "group-head" },
      h("h2", {}, title, h("span", { class: "hint" }, this.#about())),
      this.count,
      this.decided ? undo : this.apply,
    );
    this.list.replaceChildren();
    if (this.decided) this.element.replaceChildren(head, decidedPictures(this.members));
    else this.element.replaceChildren(head, this.list, this.more);
    if (!this.decided) this.#drawMembers(0);
    this.#drawChoice();
  }

  #about() {
    const reasons = [...new Set(this.members.map(({ reason }) => t(`reason-${reason}`)))];
    return [t("pictures-count", { n: number(this.members.length) }), ...reasons].join(" · ");
  }

  #showMore() {
    const from = this.shown;
    this.shown += SHOWN * 4;
    this.#drawMembers(from);
    this.focus(from);
  }

  /** @param {number} from */
  #drawMembers(from) {
    const facts = factsOf(this.members);
    const next = this.members.slice(from, this.shown).map((member, at) => this.#member(member, from + at, facts[from + at]));
    this.list.append(...next);
    const left = this.members.length - this.shown;
    this.more.hidden = left <= 0;
    $("span", this.more).textContent = t("group-more", { n: number(Math.max(left, 0)) });
    this.#drawChoice();
  }

  /** @param {Member} member @param {number} at @param {Fact[]} facts */
  #member(member, at, facts) {
    const { id } = member.picture;
    const image = h("img", { loading: "lazy", decoding: "async", alt: "", src: member.there ? thumbnail(id, 512) : null });
    image.addEventListener("error", () => image.classList.add("missing"));
    const picture = h(
      "button",
      { type: "button", class: "member-picture", onclick: () => this.enlarge(at), "aria-keyshortcuts": "k d o Enter Space", disabled: !member.there },
      image,
      h("span", { class: "member-state", "aria-hidden": "true" }),
    );
    /** @param {string} kind @param {Shape} shape @param {() => void} action */
    const choose = (kind, shape, action) =>
      button(shape, t(kind), action, { text: true, kind: `chip member-${kind}`, "aria-label": t("choice-of", { choice: t(kind), name: shortName(id) }) });
    const controls = h(
      "div",
      { class: "member-actions" },
      choose("keep", "check", () => this.choose(at, true)),
      choose("discard", "trash", () => this.choose(at, false)),
      choose("keep-only", "only", () => this.keepOnly(at)),
    );
    /** @param {Fact} fact */
    const row = ({ label, value, differs, best }) =>
      h("div", { class: differs ? "differs" : "" }, h("dt", {}, label), h("dd", { class: best ? "best" : "" }, value, best && h("span", { class: "unseen" }, t("fact-best"))));
    const element = h(
      "li",
      { class: "member", "data-at": at, onfocusin: () => this.#activate(at) },
      picture,
      h("p", { class: "member-name", title: id }, id),
      member.there ? null : h("p", { class: "hint" }, t("member-gone")),
      h("dl", { class: "member-facts" }, ...facts.map(row)),
      member.there && controls,
    );
    return element;
  }

  /** What is chosen, on what is drawn already: the keyboard stays where it is. */
  #drawChoice() {
    for (const element of /** @type {Iterable<HTMLElement>} */ (this.list.children)) {
      const at = Number(element.dataset.at);
      const { picture, there } = this.members[at];
      const stays = !this.discard.has(picture.id);
      element.classList.toggle("discard", !stays);
      const word = t(there ? (stays ? "keep" : "discard") : "member-gone");
      const state = $(".member-state", element);
      state.replaceChildren(icon(stays ? "check" : "trash"), word);
      $(".member-picture", element).setAttribute("aria-label", `${picture.id}: ${word}. ${t("zoom")}`);
      $(".member-keep", element)?.setAttribute("aria-pressed", String(stays));
      $(".member-discard", element)?.setAttribute("aria-pressed", String(!stays));
      for (const control of element.querySelectorAll("button")) control.tabIndex = at === this.active ? 0 : -1;
    }
    this.count.textContent = this.decided
      ? t("group-decided", { kept: number(this.here.length), gone: number(this.members.length - this.here.length) })
      : t("group-choice", { kept: number(this.kept), gone: number(this.discard.size) });
    const label = this.kept ? (this.discard.size ? t("group-apply", { n: number(this.discard.size) }) : t("group-keep-all")) : t("group-keep-one");
    $("span", this.apply).textContent = label;
    this.apply.disabled = this.busy || this.kept === 0;
  }

  /**
   * Tab reaches one picture of a group; the arrow keys move between them.
   *
   * @param {number} at
   */
  #activate(at) {
    if (at === this.active) return;
    this.active = at;
    this.#drawChoice();
  }

  focus(at = this.active) {
    if (this.decided) return $(".group-undo", this.element)?.focus();
    this.#activate(Math.max(0, Math.min(at, this.list.children.length - 1)));
    const picture = $(".member-picture", this.list.children[this.active]);
    picture.focus({ preventScroll: true });
    return picture.closest(".member").scrollIntoView({ block: "nearest" });
  }

  /** @param {number} at @param {boolean} stays */
  choose(at, stays) {
    const { picture, there } = this.members[at];
    if (!there || this.decided) return;
    if (stays) this.discard.delete(picture.id);
    else this.discard.add(picture.id);
    this.#chosen(`${shortName(picture.id)}: ${t(stays ? "keep" : "discard")}`);
  }

  /** @param {number} at */
  keepOnly(at) {
    const { picture, there } = this.members[at];
    if (!there || this.decided) return;
    this.discard = new Set(this.here.map(idOf).filter((id) => id !== picture.id));
    this.#chosen(`${shortName(picture.id)}: ${t("keep-only")}`);
  }

  /**
   * Keeps all that lies in a folder and discards the rest, where there is something of both; returns whether there was.
   *
   * @param {string} folder
   */
  keepFolder(folder) {
    const others = this.here.filter(({ picture }) => !liesIn(picture.id, folder)).map(idOf);
    if (this.decided || !others.length || others.length === this.here.length) return false;
    this.discard = new Set(others);
    this.#drawChoice();
    this.onChange(this, "choice");
    return true;
  }

  /** The folders that some of its pictures lie in and others do not. */
  get folders() {
    const names = new Set(this.here.flatMap(({ picture }) => foldersOf(picture.id)));
    return [...names].filter((name) => this.here.some(({ picture }) => !liesIn(picture.id, name)));
  }

  /** @param {string} said */
  #chosen(said) {
    this.#drawChoice();
    announce(`${said}. ${this.count.textContent}`);
    this.onChange(this, "choice");
  }

  /**
   * The picture beside one that stays (or beside another, if it is that one), enlarged together.
   *
   * @param {number} at
   */
  enlarge(at) {
    const one = this.members[at].picture;
    const stays = this.here.find(({ picture }) => picture.id !== one.id && !this.discard.has(picture.id));
    const other = (stays ?? this.here.find(({ picture }) => picture.id !== one.id))?.picture;
    if (other) openComparison({ id: one.id }, { id: other.id });
  }

  /** Applies what is chosen; resolves to whether it was. `quiet` where others follow, and one message is for all of them. */
  async decide({ quiet = false } = {}) {
    if (this.busy || this.decided || this.kept === 0) return false;
    const gone = this.discard.size;
    const done = await this.#send(() => duplicates.decide(this.group.number, [...this.discard]), "decided");
    if (!done || quiet) return done;
    const text = gone ? t("toast-decided", { n: number(gone), group: this.group.number }) : t("toast-kept", { group: this.group.number });
    toast(text, { action: { label: t("undo"), act: () => this.undo() } });
    return true;
  }

  async undo({ quiet = false } = {}) {
    if (this.busy || !this.decided) return;
    const gone = new Set(this.members.filter(({ there }) => !there).map(idOf)); // chosen again, to be changed and applied anew
    const done = await this.#send(() => duplicates.undo(this.group.number), "undone", gone);
    if (done && !quiet) toast(t("toast-undone", { group: this.group.number }));
  }

  /** @param {() => Promise<Group>} call @param {"decided" | "undone"} what @param {Set<string>} [draft] */
  async #send(call, what, draft) {
    this.#wait(true);
    const focused = this.element.contains(document.activeElement);
    try {
      const group = await call();
      this.set(group, draft && new Set(group.members.map(idOf).filter((id) => draft.has(id))));
      this.onChange(this, what);
      if (focused && !this.element.contains(document.activeElement) && document.activeElement === document.body) this.focus();
      return true;
    } catch (error) {
      fail(error);
      return false;
    } finally {
      this.#wait(false);
    }
  }

  /**
   * While the server is at work: it brings back pictures, which takes a moment.
   *
   * @param {boolean} busy
   */
  #wait(busy) {
    this.busy = busy;
    this.element.setAttribute("aria-busy", String(busy));
    this.#drawChoice();
  }
}

/** @param {string} id @param {string} folder */
const liesIn = (id, folder) => id.startsWith(`${folder}/`);

/** All folders in whose path a picture is, the outermost first. @param {string} id */
const foldersOf = (id) => id.split("/").slice(0, -1).map((_, at, parts) => parts.slice(0, at + 1).join("/")).filter(Boolean);

/** @param {Member} member */
const idOf = ({ picture }) => picture.id;

/**
 * The pictures of a group that is decided on, small: those that stayed, and the names of those that left.
 *
 * @param {Member[]} members
 */
function decidedPictures(members) {
  const here = members.filter(({ there }) => there);
  const gone = members.filter(({ there }) => !there);
  /** @param {Member} member */
  const small = ({ picture: { id } }) => h("li", {}, h("img", { src: thumbnail(id, 128), alt: "", width: 56, height: 56, loading: "lazy" }), h("span", { class: "name", title: id }, shortName(id)));
  /** @param {Member} member */
  const name = ({ picture: { id } }) => h("li", { class: "gone" }, icon("trash"), h("span", { class: "name", title: id }, shortName(id)));
  /** @param {Member[]} list */
  const rest = (list) => (list.length > SHOWN ? [h("li", { class: "hint" }, t("and-more", { n: number(list.length - SHOWN) }))] : []);
  return h("ul", { class: "decided-members" }, ...here.slice(0, SHOWN).map(small), ...rest(here), ...gone.slice(0, SHOWN).map(name), ...rest(gone));
}
