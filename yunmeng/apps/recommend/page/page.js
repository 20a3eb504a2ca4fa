// Recommendations for one user: a feed that changes with each reaction, and the tastes behind it.
import { $, addStyles, button, fill, h } from "/console/lib/dom.js";
import { Feed } from "/console/lib/feed.js";
import { number, shortName } from "/console/lib/format.js";
import { addWords, t } from "/console/lib/i18n.js";
import { go } from "/console/lib/router.js";
import { announce, fail, toast } from "/console/widgets/announce.js";
import { confirmed } from "/console/widgets/dialog.js";
import { failure, notice, skeleton } from "/console/widgets/states.js";
import * as recommend from "./api.js";
import { card } from "./card.js";
import { Tastes } from "./tastes.js";
import { RECOMMEND_WORDS } from "./words.js";

/** @import { Pick, Taste } from "./api.js" */
/** @import { Reaction } from "./card.js" */
/** @import { Route } from "/console/lib/types.js" */

addWords(RECOMMEND_WORDS);
await addStyles("/console/pages/recommend/page.css");

const PAGE = 24;
const MOST = 96; // in one request
const ME = "me"; // who nobody has named

/** @typedef {Pick & { id: string }} Item */

export default class RecommendPage {
  static title = "recommend-link";
  static scope = "write";

  constructor() {
    this.user = "";
    /** @type {Map<string, HTMLElement>} By the id of their pictures. */
    this.cards = new Map();
    /** @type {Set<string>} Pictures that were reacted to, until a feed without them is there. */
    this.gone = new Set();
    this.calls = new AbortController();
    /** @type {Element | null} The last message. */
    this.told = null;
    /** @type {Feed<Item>} */
    this.feed = new Feed((cursor, signal) => this.#fetch(cursor, signal), () => this.#draw());
    this.tastes = new Tastes((taste, muted) => this.#mute(taste, muted));
    this.name = h("input", { class: "field", id: "recommend-user", maxlength: 200, autocomplete: "off", spellcheck: "false", "aria-describedby": "recommend-user-hint" });
    this.list = h("ul", { class: "recommended-list", "aria-label": t("recommend-feed") });
    this.below = h("div", { class: "below" });
    this.more = button("down", t("recommend-more"), () => this.feed.more(), { text: true, kind: "outline" });
    this.download = h("a", { class: "outline", download: "" }, t("recommend-export"));
    const erase = button("", t("recommend-erase"), () => this.#erase(), { text: true, kind: "outline" });
    this.element = h(
      "div",
      { class: "recommend-page" },
      h("header", { class: "recommend-head" }, h("div", {}, h("h1", {}, t("recommend")), h("p", { class: "hint" }, t("recommend-hint"))), this.#who()),
      this.tastes.element,
      this.list,
      this.below,
      h("footer", { class: "actions recommend-foot" }, this.download, erase),
    );
  }

  destroy() {
    this.feed.stop();
    this.calls.abort();
  }

  ids() {
    return this.feed.items.map(({ id }) => id);
  }

  /** @param {string} id */
  removed(id) {
    this.feed.drop(id);
  }

  /** @param {Route} route */
  update({ view }) {
    const user = view ?? ME;
    if (user === this.user) return;
    this.user = this.name.value = user;
    this.download.href = recommend.userData(user);
    this.gone.clear();
    this.#reload();
  }

  #who() {
    /** @param {SubmitEvent} event */
    const submit = (event) => {
      event.preventDefault();
      go({ view: this.name.value.trim() || ME });
    };
    return h(
      "form",
      { class: "form-row", onsubmit: submit },
      h("label", { for: "recommend-user" }, t("recommend-user")),
      this.name,
      h("p", { class: "hint", id: "recommend-user-hint" }, t("recommend-user-hint")),
    );
  }

  /**
   * Shows what has become of the feed of a user, if that is still the one who is shown.
   *
   * @param {string} user
   */
  #changed(user) {
    if (this.user === user) this.#reload();
  }

  #reload() {
    this.calls.abort();
    this.calls = new AbortController();
    const { signal } = this.calls;
    recommend.tastes(this.user, signal).then(({ tastes }) => this.tastes.show(tastes), (error) => signal.aborted || fail(error));
    return this.feed.start();
  }

  /**
   * The first page is as long as what is shown, so that a reaction leaves the rest of the feed where it is.
   *
   * @param {number | null} cursor
   * @param {AbortSignal} signal
   */
  async #fetch(cursor, signal) {
    const shown = Math.ceil(this.feed.items.length / PAGE) * PAGE;
    const k = cursor === null ? Math.min(Math.max(shown, PAGE), MOST) : PAGE;
    const { picks, next_offset: next } = await recommend.picks(this.user, { k, offset: cursor ?? 0 }, signal);
    if (cursor === null) this.gone.clear();
    return { items: picks.map((pick) => ({ ...pick, id: pick.picture.id })), next };
  }

  #draw() {
    const { items, status, next, error } = this.feed;
    const shown = items.filter(({ id }) => !this.gone.has(id));
    const before = this.cards;
    this.cards = new Map(shown.map((item) => [item.id, this.#card(item, before.get(item.id))]));
    const at = [...this.list.children].findIndex((one) => one.contains(document.activeElement));
    const reaction = /** @type {HTMLElement} */ (document.activeElement)?.dataset.reaction;
    fill(this.list, ...this.cards.values());
    if (at >= 0) this.#focus(at, reaction);
    this.list.setAttribute("aria-busy", String(status === "loading"));
    if (status === "failed") fill(this.below, failure(error, () => this.feed.retry()));
    else if (status === "more" || (status === "loading" && !shown.length)) fill(this.below, skeleton(8));
    else if (status === "ready" && !shown.length) fill(this.below, notice("picture", t("recommend-nothing"), t("recommend-nothing-hint")));
    else fill(this.below, next === null ? null : this.more);
    if (status === "ready") announce(t("recommend-shown", { n: number(shown.length) }));
  }

  /**
   * The card of a picture that stays is used again, unless its reason has changed.
   *
   * @param {Item} item
   * @param {HTMLElement} [known]
   */
  #card(item, known) {
    const why = JSON.stringify([item.source, item.because]);
    if (known?.dataset.why === why) return known;
    const made = card(item, (reaction) => this.#react(item, reaction));
    made.dataset.why = why;
    return made;
  }

  /**
   * Moves the keyboard to the card at a place: the one that had it has gone.
   *
   * @param {number} at
   * @param {string} [reaction]
   */
  #focus(at, reaction) {
    const cards = [...this.cards.values()];
    const next = cards[Math.min(at, cards.length - 1)];
    if (next && !this.list.contains(document.activeElement)) $(reaction ? `[data-reaction="${reaction}"]` : "a", next).focus();
  }

  /** @param {Item} item @param {Reaction} reaction */
  async #react({ id }, reaction) {
    this.gone.add(id);
    this.#draw();
    const { user } = this;
    try {
      const { ids } = await recommend.record(user, id, reaction);
      const undo = () => recommend.forget(ids[0]).then(() => this.#changed(user), fail);
      this.told?.remove(); // who likes ten pictures in a row is not told ten times at once
      toast(t(`reacted-${reaction}`, { name: shortName(id) }), { action: { label: t("reacted-undo"), act: undo } });
      this.told = $("#toasts").lastElementChild;
    } catch (error) {
      this.gone.delete(id);
      fail(error);
    }
    this.#changed(user);
  }

  /** @param {Taste} taste @param {boolean} muted */
  async #mute(taste, muted) {
    const { user } = this;
    await recommend.mute(user, taste.pictures[0], muted).catch(fail);
    this.#changed(user);
  }

  async #erase() {
    const { user } = this;
    if (!(await confirmed(t("recommend-erase-title", { user }), t("recommend-erase-sure"), t("recommend-erase-do")))) return;
    try {
      const { erased } = await recommend.erase(user);
      toast(t("recommend-erased", { n: number(erased) }));
      this.#changed(user);
    } catch (error) {
      fail(error);
    }
  }
}
