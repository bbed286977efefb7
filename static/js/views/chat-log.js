/**
 * The log: brings the children of `#chat` in line with the timeline, touching only what changed.
 */
import { openRoom, shown } from "../core/select.js";
import { timeline } from "../core/timeline.js";
import { texts } from "../core/texts.js";
import { createMessage, updateMessage } from "./message.js";

export class ChatLog {
  #chat;
  #scroll;
  #shown = new Map(); // key -> {element, item}
  #rendered = null;

  /** @param {HTMLElement} chat @param {import("./scroll.js").StickyScroll} scroll */
  constructor(chat, scroll) {
    this.#chat = chat;
    this.#scroll = scroll;
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const now = { shown: shown(state, room), room, me: state.me, people: state.people };
    const before = this.#rendered;
    if (before && Object.keys(now).every((key) => now[key] === before[key])) return;
    this.#rendered = now;
    // Old messages that are put in are no news, and a screen reader must not read them all out.
    const isOlder = now.shown.window.first < (before?.shown.window.first ?? 0);
    this.#chat.setAttribute("aria-busy", String(!room.isSynced || isOlder));
    const isNews = room.isSynced && before !== null && before.room.isSynced && before.room.epoch === room.epoch;
    this.#scroll.keep(() => this.#reconcile(timeline(state, Date.now()), isNews));
  }

  #reconcile(items, isNews) {
    items = items.filter(({ kind }) => kind in creators);
    const wanted = new Set(items.map((item) => item.key));
    for (const [key, { element }] of this.#shown) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    const lastSeq = this.#rendered.room.last;
    let place = this.#chat.firstChild;
    for (const item of items) {
      const element = this.#elementFor(item, isNews && (item.seq === null || item.seq === lastSeq));
      if (element === place) place = place.nextSibling;
      else this.#chat.insertBefore(element, place);
    }
  }

  #elementFor(item, isNews) {
    const shown = this.#shown.get(item.key);
    if (!shown) {
      const element = creators[item.kind](item);
      if (isNews && item.kind === "message") element.classList.add("arriving");
      this.#shown.set(item.key, { element, item });
      return element;
    }
    if (differs(shown.item, item)) {
      if (item.kind === "message") updateMessage(shown.element, item, shown.item);
      else if (item.kind === "day") shown.element.firstChild.textContent = item.label;
    }
    shown.item = item;
    return shown.element;
  }
}

const creators = {
  message: createMessage,
  day: ({ label }) => divider("day", label),
  mark: () => divider("mark", texts.newMessagesMark),
};

function divider(className, label) {
  const element = document.createElement("div");
  element.className = `divider ${className}`;
  const text = document.createElement("span");
  text.textContent = label;
  element.append(text);
  return element;
}

function differs(one, other) {
  return Object.keys(other).some((field) => one[field] !== other[field]);
}
