/**
 * What those who look after rooms and the server ask for. The room `SERVER` means the whole server. It comes after the first
 * view; answers are as those of the app.
 */
import { SERVER, moderates, policyOf } from "../core/standing.js";
import { keepKnocks } from "../net/knocks.js";

const MOST_WIPES = 20;
const MOST_ASKED = 50;

export class Moderation {
  #store;
  #session;
  #asked = new Set(); // what was asked for on this connection
  #rooms = null; // those that were looked at last

  /** @param {import("../core/store.js").Store} store @param {import("../net/session.js").Session} session */
  constructor(store, session) {
    this.#store = store;
    this.#session = session;
    keepKnocks(store);
    store.subscribe((state) => this.#follow(state));
    this.#follow(store.state);
  }

  /** Know who waits where this person lets people in, and the open reports. Events tell what changes from then on. */
  #follow(state) {
    if (state.connection.phase !== "online") this.#asked.clear();
    if (state.connection.phase !== "online" || state.rooms === this.#rooms) return;
    this.#rooms = state.rooms;
    const isWanted = (room) => room.name === SERVER || room.name === state.open || policyOf(room, "joining") === "knock";
    for (const room of state.rooms.values()) {
      if (!room.isMember || !room.isSynced || !isWanted(room) || !moderates(state, room)) continue;
      const key = `${room.name} ${room.role} ${room.epoch}`;
      if (room.info === null) this.#put("info", { type: "info", room: room.name }, key);
      if (room.name === SERVER && room.reports === null) this.#put("reports", { type: "reports", room: SERVER }, key);
    }
  }

  /** Ask once, and put the answer into the state. */
  async #put(type, frame, key) {
    if (this.#asked.has(`${type} ${key}`) || this.#asked.size > MOST_ASKED) return;
    this.#asked.add(`${type} ${key}`);
    const answer = await this.#session.ask(frame);
    if (answer.ok) this.#store.dispatch({ type, frame: answer });
  }

  /** Become an owner of the server, by the token of an owner link. */
  becomeOwner(token) {
    return this.#session.ask({ type: "become_owner", token });
  }

  /** @param {"owner"|"admin"|"moderator"|"member"} role */
  setRole(room, person, role) {
    return this.#session.ask({ type: "role", room, person, role });
  }

  /** Mute (`what`: "mute") or remove ("ban") somebody, until a moment (ms) or for ever (null); or end that (`on` false). */
  restrict(what, room, person, { on = true, until = null, reason = "", addresses } = {}) {
    const moment = until === null ? undefined : new Date(until).toISOString();
    return this.#session.ask({ type: what, room, person, on, until: moment, reason: reason || undefined, addresses: addresses || undefined });
  }

  /** Delete what somebody wrote in the room, or in the server room in all public ones, since a moment (ms; 0: all of it). */
  async wipe(room, person, since) {
    const moment = since === 0 ? undefined : new Date(since).toISOString();
    let answer = await this.#session.ask({ type: "wipe", room, person, since: moment });
    if (!answer.ok) return answer;
    // One command deletes so many.
    for (let round = 0; answer.ok && round < MOST_WIPES; round += 1) answer = await this.#session.ask({ type: "wipe", room, person, since: moment });
    return answer.ok || answer.code === "no_such_message" ? { ok: true } : answer;
  }

  /** Report a message, or a person without one (`person`), to those who run the server. */
  report({ room, seq, person, why }) {
    return this.#session.ask({ type: "report", room, seq, person, why: why || undefined });
  }

  /** @param {"taken"|"open"|"done"} state of a report @param {string} [how] what was done */
  resolve(report, state, how = "") {
    return this.#session.ask({ type: "resolve", report, state, how: how || undefined });
  }

  /** Choose the server's mode, or make it quiet until a moment (ms; 0: end that). */
  setMode({ mode, quietUntil }) {
    const until = quietUntil ? new Date(quietUntil).toISOString() : undefined;
    return this.#session.ask({ type: "mode", room: SERVER, mode, quiet_until: until, quiet: quietUntil === 0 ? false : undefined });
  }

  /** Say that somebody was looked at: they are let in, and nobody new any more; or take that back. */
  trust(person, on) {
    return this.#session.ask({ type: "trust", room: SERVER, person, on });
  }

  /** Whom somebody brought in, and whom those did: `people`, each with `person`, `by` (an id) and `at`; `more`: not all. */
  branch(person) {
    return this.#session.ask({ type: "branch", person });
  }

  /** Let in who waits or was removed; or (`on` false) send away who waits. */
  admit(room, person, on) {
    return this.#session.ask({ type: "admit", room, person, on });
  }

  /** The events of a room from its first to its last, in as many answers as they take. */
  async wholeLog(room) {
    const events = [];
    for (let newer = true; newer;) {
      const answer = await this.#session.ask({ type: "history", room, after: events.at(-1)?.seq ?? 0, limit: 200 });
      if (!answer.ok) return answer;
      events.push(...answer.events);
      newer = answer.newer && answer.events.length > 0;
    }
    return { ok: true, events };
  }

  /** Wait no longer for being let into a room. */
  forgetKnock(room) {
    this.#store.dispatch({ type: "knocked", room, on: false });
  }
}
