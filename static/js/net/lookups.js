/**
 * Looks up what is shown and the page does not have: profiles of people, quoted messages of the open room, and messages that
 * stand elsewhere (`need`).
 */
import { missingPeople, missingQuotes, openRoom, shown } from "../core/select.js";

const PAUSE_MS = 30; // so that one request asks for all that a page of messages needs
const PEOPLE = 200;
const QUOTES = 100;

export class Lookups {
  #store;
  #ask;
  #asked = new Set(); // ids and "room seq" that are asked for
  #needed = new Map(); // room -> numbers that will be asked for together
  #timer = null;
  #seen = null;

  /** @param {import("../core/store.js").Store} store @param {(frame: object) => Promise<object>} ask */
  constructor(store, ask) {
    this.#store = store;
    this.#ask = ask;
    store.subscribe(() => this.#lookSoon());
    this.#lookSoon();
  }

  /** Requests under way may have been lost: ask again. */
  disconnected() {
    this.#asked.clear();
    this.#needed.clear();
    this.#seen = null;
  }

  /** A view shows this message, which is not known: it will be in the state, as `fetched`. */
  need(room, seq) {
    if (this.#store.state.connection.phase !== "online" || this.#asked.has(`${room} ${seq}`)) return;
    if (this.#needed.size === 0) setTimeout(() => this.#askNeeded(), PAUSE_MS);
    this.#needed.set(room, [...(this.#needed.get(room) ?? []), seq]);
  }

  #askNeeded() {
    for (const [room, seqs] of this.#needed) {
      this.#askQuotes(room, this.#unasked([...new Set(seqs)], (seq) => `${room} ${seq}`).slice(0, QUOTES));
    }
    this.#needed.clear();
  }

  #lookSoon() {
    const { state } = this.#store;
    if (this.#timer !== null || state.connection.phase !== "online" || !openRoom(state)?.isSynced) return;
    if (shown(state, openRoom(state)) === this.#seen) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#look();
    }, PAUSE_MS);
  }

  async #look() {
    const { state } = this.#store;
    const room = openRoom(state);
    if (!room || state.connection.phase !== "online") return;
    this.#seen = shown(state, room);
    const ids = this.#unasked(missingPeople(state, room), (id) => id).slice(0, PEOPLE);
    const seqs = this.#unasked(missingQuotes(state, room), (seq) => `${room.name} ${seq}`).slice(0, QUOTES);
    await Promise.all([this.#askPeople(ids), this.#askQuotes(room.name, seqs)]);
  }

  #unasked(wanted, keyOf) {
    return wanted.filter((one) => !this.#asked.has(keyOf(one)));
  }

  async #askPeople(ids) {
    if (ids.length === 0) return;
    for (const id of ids) this.#asked.add(id);
    const answer = await this.#ask({ type: "people", ids });
    if (answer.ok) this.#store.dispatch({ type: "people", people: answer.people });
  }

  async #askQuotes(room, seqs) {
    if (seqs.length === 0) return;
    for (const seq of seqs) this.#asked.add(`${room} ${seq}`);
    const answer = await this.#ask({ type: "fetch", room, seqs });
    if (!answer.ok) return;
    const last = answer.more ? answer.events.at(-1).seq : Infinity;
    const told = seqs.filter((seq) => seq <= last);
    // What is not known after this, since the answer came too late say, is asked for again.
    for (const seq of told) this.#asked.delete(`${room} ${seq}`);
    this.#seen = null;
    this.#store.dispatch({ type: "fetched", frame: answer, seqs: told });
    await this.#askQuotes(room, seqs.filter((seq) => seq > last)); // those that had no room in the answer
  }
}
