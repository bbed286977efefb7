/**
 * History: pages of a room's log, jumps to a message, and messages fetched by number.
 */
import { eventIn, shownWindow } from "../core/room-history.js";
import { openRoom } from "../core/select.js";
import { texts } from "../core/texts.js";
import { folded } from "../core/window.js";

/** Messages a page: a few screens, so that scrolling seldom has to wait. */
export const PAGE = 50;

/** How often something is asked for whose answer was overtaken by changes. */
export const ATTEMPTS = 3;

const MOST_FETCHED = 100; // numbers in one `fetch`

export class History {
  #store;
  #session;
  #jumps = 0;

  /** @param {import("../core/store.js").Store} store @param {import("../net/session.js").Session} session */
  constructor(store, session) {
    this.#store = store;
    this.#session = session;
  }

  /** The page before what is shown of the open room. */
  loadOlder() {
    const room = openRoom(this.#store.state);
    const window = shownWindow(room);
    if (!this.#canPage(room) || !window.hasOlder || window.isLoadingOlder) return Promise.resolve({ ok: true });
    return this.#load(room.name, { before: window.first });
  }

  /** The page after it. */
  loadNewer() {
    const room = openRoom(this.#store.state);
    const window = shownWindow(room);
    if (!this.#canPage(room) || !window.hasNewer || window.isLoadingNewer) return Promise.resolve({ ok: true });
    return this.#load(room.name, { after: window.last });
  }

  /** Have a message of the open room in the log, with the page around it if it is not held. */
  async bring(room, seq) {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#isHeld(room, seq); attempt += 1) {
      const answer = await this.#load(room, { around: seq });
      if (!answer.ok) return answer;
    }
    return this.#isHeld(room, seq) ? { ok: true } : { ok: false, code: "no_such_message", message: texts.askNoMessage };
  }

  /** Show a message of the open room. */
  async jumpTo(room, seq) {
    const answer = await this.bring(room, seq);
    if (!answer.ok) return answer;
    this.#jumps += 1;
    this.#store.dispatch({ type: "jumped", room, seq, at: this.#jumps });
    return answer;
  }

  /** These messages as they are now; also for quotes: afterwards `messageAt` knows them. */
  async fetch(room, seqs) {
    const held = () => this.#store.state.rooms.get(room);
    const missing = () => seqs.filter((seq) => !held() || eventIn(held(), seq) === undefined);
    for (let attempt = 0; attempt < ATTEMPTS && missing().length > 0; attempt += 1) {
      const wanted = missing().slice(0, MOST_FETCHED);
      const frame = await this.#session.ask({ type: "fetch", room, seqs: wanted });
      if (!frame.ok) return frame;
      if (!held()) return { ok: true, messages: folded(frame, [], this.#store.state.me?.id) };
      this.#store.dispatch({ type: "fetched", frame, seqs: wanted });
    }
    return { ok: true, messages: seqs.map((seq) => held() && eventIn(held(), seq)).filter(Boolean) };
  }

  #canPage(room) {
    return this.#store.state.connection.phase === "online" && room.epoch !== null;
  }

  #isHeld(name, seq) {
    const room = this.#store.state.rooms.get(name);
    const windows = room ? [room.live, room.detached] : [];
    return windows.some((window) => window?.events.some((event) => event.seq === seq));
  }

  async #load(room, asked) {
    const [way] = Object.keys(asked);
    this.#store.dispatch({ type: "loading", room, way });
    const frame = await this.#session.ask({ type: "history", room, ...asked, limit: PAGE });
    this.#store.dispatch(frame.ok ? { type: "history", frame, asked } : { type: "historyFailed", room });
    return frame.ok ? { ok: true } : frame;
  }
}
