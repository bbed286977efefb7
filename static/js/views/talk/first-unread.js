/**
 * The way up to the first unread message, while it is above what is held: many were written in an absence.
 */
import { openRoom, shown } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { pressable } from "../parts/dom.js";

export class FirstUnread {
  #app;
  #element;
  #seen = null; // "room divider" that the reader has gone to

  /** @param {import("../../app.js").App} app @param {HTMLElement} parent */
  constructor(app, parent) {
    this.#app = app;
    this.#element = pressable("to-unread", texts.talkFirstUnread, () => this.#go());
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const { divider } = room;
    const isAbove = divider !== null && room.isSynced && room.detached === null && divider + 1 < shown(state, room).window.first;
    this.#element.hidden = !isAbove || this.#seen === `${room.name} ${divider}`;
  }

  async #go() {
    const { name, divider } = openRoom(this.#app.state);
    this.#seen = `${name} ${divider}`;
    this.#element.hidden = true;
    // What follows the divider may be no message; then the page around it is here, and shows which one is the first.
    const answer = await this.#app.jumpTo(name, divider + 1);
    if (answer.ok || this.#app.state.open !== name) return;
    const { events } = shown(this.#app.state, openRoom(this.#app.state));
    const first = events.find(({ type, seq, from }) => type === "message" && seq > divider && from !== this.#app.state.me?.id);
    if (first) await this.#app.jumpTo(name, first.seq);
  }
}
