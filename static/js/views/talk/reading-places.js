/**
 * Where the reader is in each room, for coming back there: noted when another room is opened, and kept over a reload of the
 * tab. The log goes there as soon as the message is held; from here the page around it is asked for.
 */
import { unreadOf } from "../../core/around.js";
import { unreadFrom } from "../../core/mine.js";
import { openRoom } from "../../core/select.js";
import { keep, PLACES_KEY } from "../parts/storage.js";

const MOST_PLACES = 50;

export class ReadingPlaces {
  #app;
  #log;
  #asked = null; // the place whose page is on the way
  #marks = null; // {mine, outbox}, of which the rooms marked as unread were seen

  /** @param {import("../../app/app.js").App} app @param {import("./log.js").ChatLog} log @param {HTMLElement} chat */
  constructor(app, log, chat) {
    this.#app = app;
    this.#log = log;
    log.onLeave = (name) => this.#note(name);
    // Who moves meanwhile wants to be elsewhere.
    for (const type of ["wheel", "pointerdown", "keydown"]) chat.addEventListener(type, () => log.stay(), { passive: true });
    document.addEventListener("visibilitychange", () => document.hidden && this.#keep());
    addEventListener("pagehide", () => this.#keep());
  }

  /** The reader is led elsewhere in this room. */
  forget(name) {
    this.#log.places.delete(name);
    if (name === this.#app.state.open) this.#log.stay();
  }

  /** Show this state. */
  render(state) {
    this.#forgetMarked(state);
    const { due } = this.#log;
    const { name, isSynced } = openRoom(state);
    if (due === null || due === this.#asked || !isSynced || state.connection.phase !== "online") return;
    this.#asked = due;
    this.#bring(name, due);
  }

  /** A room that was marked as unread is opened at the mark. */
  #forgetMarked(state) {
    const { mine, outbox } = state;
    if (mine === this.#marks?.mine && outbox === this.#marks.outbox) return;
    this.#marks = { mine, outbox };
    for (const name of this.#log.places.keys()) if (unreadFrom(state, name) !== null) this.#log.places.delete(name);
  }

  async #bring(name, due) {
    await this.#app.bring(name, due.seq);
    if (this.#app.state.open === name) this.#log.render(this.#app.state);
    if (this.#log.due !== due) return;
    // It is gone, or cannot be had now.
    this.#log.stay();
    this.#log.revealUnreadDivider();
  }

  /** Note where the reader is; who is at the end, or where unread messages begin, comes back to that anyway. */
  #note(name) {
    const { places, place } = this.#log;
    places.delete(name);
    if (place === null || unreadFrom(this.#app.state, name) !== null || this.#isAtUnread(name)) return;
    places.set(name, place);
    if (places.size > MOST_PLACES) places.delete(places.keys().next().value);
  }

  #isAtUnread(name) {
    const room = this.#app.state.rooms.get(name);
    return room !== undefined && unreadOf(room).count > 0 && this.#log.placeOfUnreadDivider() === "in view";
  }

  #keep() {
    this.#note(this.#app.state.open);
    keep("sessionStorage", PLACES_KEY, JSON.stringify([...this.#log.places])); // else a reload shows the end
  }
}
