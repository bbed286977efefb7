/**
 * The log: the timeline of the open room as the children of `#chat`, around the reader's place.
 */
import { Items } from "../../core/items.js";
import { colourOf } from "../../core/people.js";
import { openRoom, person, shown } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { exact } from "../../core/time.js";
import { button, make } from "../parts/dom.js";
import { WindowList } from "../parts/window-list.js";
import { createMessage, updateMessage } from "./message.js";

const GOAL_SHOWN_MS = 2_500;

export class ChatLog {
  #chat;
  #list;
  #items = new Items();
  #elements = new WeakMap(); // element -> item
  #rendered = null;
  #goal = null;
  #isNews = false;
  #app;
  #due = null; // the place to which the reader comes back as soon as it is held
  #byKey = new Map();
  #revealed = new Set(); // keys of messages of blocked people that are shown all the same

  /** Called to jump to the message with this number. @type {(seq: number) => void} */
  onJump = () => {};

  /** Called when a file of a message was pressed. @type {(what: "open"|"cancel"|"retry", item: object, n: number) => void} */
  onFile = () => {};

  /** Called before another room is drawn. @type {(name: string) => void} */
  onLeave = () => {};

  /**
   * @param {import("../../app/app.js").App} app @param {HTMLElement} chat
   * @param {Map<string, {seq: number, offset: number}>} places by room: where the reader left it, at which message, and how
   *   far that was below the top
   */
  constructor(app, chat, places) {
    this.#app = app;
    this.#chat = chat;
    this.places = places;
    const me = () => app.state.me?.id ?? "";
    const nameOf = (id) => (id === me() ? texts.you : person(app.state, id).name);
    const does = {
      app,
      me,
      colourOf: (id) => person(app.state, id).colour ?? colourOf(id),
      namesOf: (ids, count) => texts.talkNames(ids.map(nameOf).filter(Boolean), count),
      onJump: (seq) => this.onJump(seq),
      onFile: (...pressed) => this.onFile(...pressed),
      onReact: (item, emoji, on) => app.react(app.state.open, item.seq, emoji, on),
    };
    const remember = (element, item) => {
      this.#elements.set(element, item);
      return element;
    };
    const makers = {
      message: {
        create: (item) => {
          const element = remember(createMessage(item, does), item);
          if (this.#isNews) element.classList.add("arriving");
          return element;
        },
        update: (element, item, before) => updateMessage(remember(element, item), item, before, does),
      },
      day: line((item) => item.label, "day"),
      unread: line(() => texts.newMessagesDivider, "unread"),
      note: line((item) => item.text, "note"),
      blocked: {
        create: (item) => {
          const show = button("link-button", texts.talkBlockedShow, () => this.#reveal(app.state, this.#elements.get(element).keys));
          const element = remember(make("div", "divider note blocked", make("span", "", texts.talkBlocked(item.count)), " ", show), item);
          return element;
        },
        update: (element, item) => (remember(element, item).firstChild.textContent = texts.talkBlocked(item.count)),
      },
    };
    // Only who points at a message or moves to it needs the whole date, and to write one out takes long.
    for (const type of ["pointerover", "focusin"]) {
      chat.addEventListener(type, ({ target }) => {
        const time = target.closest("p")?.querySelector("time");
        if (time && !time.title) time.title = exact(Date.parse(time.dateTime));
      });
    }
    this.#list = new WindowList(chat, (item) => makers[item.kind], {
      onMoved: () => this.#tellView(),
      onNearTop: () => app.loadOlder(),
      onNearEnd: () => app.loadNewer(),
    });
  }

  get isAtBottom() {
    return this.#list.isAtBottom && this.#due === null;
  }

  /** The place to which the reader comes back, while it is not held. @returns {{seq: number, offset: number}|null} */
  get due() {
    return this.#due;
  }

  /** The reader stays here. */
  stay() {
    if (this.#due === null) return;
    this.#due = null;
    this.#tellView();
  }

  /** Where the reader is, or comes back to; null at the end. @returns {{seq: number, offset: number}|null} */
  get place() {
    const { place } = this.#list;
    const seq = place && this.#byKey.get(place.key).seq;
    return this.#due ?? (seq ? { seq, offset: place.offset } : null);
  }

  toBottom() {
    this.#list.toBottom();
  }

  /** Run what changes elements of the log, without moving what the reader sees. */
  change(change) {
    this.#list.change(change);
  }

  /** The item that an element of the log shows. */
  itemOf(element) {
    return this.#elements.get(element) ?? null;
  }

  /** The item of a message as it is now. */
  itemAt(seq) {
    for (const item of this.#byKey.values()) if (item.kind === "message" && item.seq === seq) return item;
    return null;
  }

  /** All items, from the oldest to the newest. */
  get items() {
    return [...this.#byKey.values()];
  }

  /** Where the unread divider is: "above", "in view" or "below" the reader; null: it is not held. */
  placeOfUnreadDivider() {
    if (!this.#byKey.has("unread")) return null;
    const divider = this.#list.elementOf("unread");
    if (!divider) return this.#list.isAtBottom ? "above" : null;
    const { top, bottom } = this.#chat.getBoundingClientRect();
    const box = divider.getBoundingClientRect();
    if (box.bottom < top) return "above";
    return box.top > bottom ? "below" : "in view";
  }

  /** Bring the unread divider into view. @returns {boolean} whether it is held */
  revealUnreadDivider() {
    return this.#list.reveal("unread") !== null;
  }

  /** Bring a message into view and the focus to it. @returns {HTMLElement|null} */
  focusOn(key) {
    const element = this.#list.elementOf(key) ?? this.#list.reveal(key);
    (element?.querySelector(":scope > button") ?? element)?.focus({ preventScroll: true });
    element?.scrollIntoView({ block: "nearest" });
    return element;
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const before = this.#rendered;
    const now = { shown: shown(state, room), room, me: state.me, people: state.people, mine: state.mine, outbox: state.outbox, day: state.day, revealed: this.#revealed };
    const isSame = before && Object.keys(now).every((key) => now[key] === before[key]);
    if (isSame) return;
    const isOther = before?.room.name !== room.name;
    if (before && isOther) this.onLeave(before.room.name);
    this.#rendered = now;
    // Old messages that are put in are no news, and a screen reader must not read them all out.
    const isOlder = now.shown.window.first < (before?.shown.window.first ?? 0);
    this.#chat.setAttribute("aria-busy", String(!room.isSynced || isOlder));
    this.#isNews = !isOther && !isOlder && room.isSynced && before.room.isSynced && before.room.epoch === room.epoch;
    const items = this.#items.of(state, Date.now(), this.#revealed);
    this.#byKey = new Map(items.map((item) => [item.key, item]));
    if (isOther) this.#enter(room, items);
    else this.#list.show(items, !now.shown.window.hasNewer);
    this.#isNews = false;
    this.#comeBack();
    this.#follow(room);
  }

  #reveal(state, keys) {
    this.#revealed = new Set([...this.#revealed, ...keys.split("\n")]);
    this.render(state);
    this.focusOn(keys.split("\n")[0]);
  }

  #tellView() {
    this.#app.viewed({ isAtBottom: this.isAtBottom });
  }

  /** Show another room: where the reader left it, else at its unread divider, else at the end. */
  #enter(room, items) {
    this.#due = this.places.get(room.name) ?? null;
    this.#list.replace(items);
    if (this.#due) this.#tellView();
    const hasUnread = items.some(({ key }) => key === "unread");
    if (!hasUnread || room.goal || this.#due) return;
    const divider = this.#list.elementOf("unread") ?? this.#list.reveal("unread");
    const isInView = divider.getBoundingClientRect().top > this.#chat.getBoundingClientRect().top;
    if (!isInView) this.#list.reveal("unread");
  }

  #comeBack() {
    const item = this.#due && this.itemAt(this.#due.seq);
    if (!item) return;
    const { offset } = this.#due;
    this.#due = null;
    this.#list.moveTo({ key: item.key, offset });
  }

  /** Show the goal of a jump, highlighted. */
  #follow({ goal }) {
    if (goal === null || goal.at === this.#goal) return;
    const item = this.itemAt(goal.seq);
    if (!item) return;
    this.#goal = goal.at;
    const element = this.#list.reveal(item.key);
    if (!element) return;
    element.classList.remove("goal");
    void element.offsetWidth; // or the same animation would not begin again
    element.classList.add("goal");
    setTimeout(() => element.classList.remove("goal"), GOAL_SHOWN_MS);
    if (!matchMedia("(pointer: coarse)").matches) element.focus({ preventScroll: true, focusVisible: false });
  }
}

function line(textOf, className) {
  const update = (element, item) => {
    const text = textOf(item);
    if (element.firstChild.textContent !== text) element.firstChild.textContent = text;
  };
  const create = (item) => {
    const text = make("span", "", textOf(item));
    text.dir = "auto";
    return make("div", `divider ${className}`, text);
  };
  return { create, update };
}
