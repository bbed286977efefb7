/**
 * Button up to the first unread message, while that is above what is in view.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openRoom, shown } from "../../core/select.js";
import { pressable } from "../parts/dom.js";

export class FirstUnread {
  #app;
  #log;
  #element;
  #seen = null; // "room divider" that the reader has been at

  /** @param {import("../../app/app.js").App} app @param {import("./log.js").ChatLog} log @param {HTMLElement} chat */
  constructor(app, log, chat) {
    this.#app = app;
    this.#log = log;
    this.#element = pressable("to-unread", laterTexts.talkFirstUnread, () => this.#go());
    this.#element.hidden = true;
    chat.parentElement.append(this.#element);
    chat.addEventListener("scroll", () => this.#element.hidden || this.render(app.state), { passive: true });
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const key = `${room.name} ${room.divider}`;
    const isPossible = room.divider !== null && room.isSynced && room.detached === null && key !== this.#seen;
    const place = isPossible ? this.#log.placeOfUnreadDivider() : null;
    if (place === "in view") this.#seen = key;
    const isFar = isPossible && room.divider + 1 < shown(state, room).window.first;
    this.#element.hidden = place !== "above" && !isFar;
  }

  async #go() {
    const { name, divider } = openRoom(this.#app.state);
    this.#seen = `${name} ${divider}`;
    this.#element.hidden = true;
    if (this.#log.revealUnreadDivider()) return;
    // What follows the divider may be no message; then the page around it is here, and shows which one is the first.
    const answer = await this.#app.jumpTo(name, divider + 1);
    if (answer.ok || this.#app.state.open !== name) return;
    const { events } = shown(this.#app.state, openRoom(this.#app.state));
    const first = events.find(({ type, seq, from }) => type === "message" && seq > divider && from !== this.#app.state.me?.id);
    if (first) await this.#app.jumpTo(name, first.seq);
  }
}
