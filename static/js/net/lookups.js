/**
 * Looks up what the open room refers to and the page does not have: profiles of people, and quoted messages; and of the
 * rooms where people knock and this person lets them in, who waits.
 */
import { missingPeople, missingQuotes, openRoom, shown } from "../core/select.js";
import { SERVER, moderates, policyOf } from "../core/standing.js";

const PAUSE_MS = 30; // so that one request asks for all that a page of messages needs
const PEOPLE = 200;
const QUOTES = 100;
const ROOMS_WITH_KNOCKS = 20;

export class Lookups {
  #store;
  #ask;
  #asked = new Set(); // ids and "room seq": each is asked for once
  #timer = null;
  #seen = null;
  #rooms = null;

  /** @param {import("../core/store.js").Store} store @param {(frame: object) => Promise<object>} ask */
  constructor(store, ask) {
    this.#store = store;
    this.#ask = ask;
    store.subscribe(() => this.#lookSoon());
  }

  /** Requests under way may have been lost: ask again. */
  disconnected() {
    this.#asked.clear();
    this.#seen = null;
  }

  #lookSoon() {
    const { state } = this.#store;
    if (this.#timer !== null || state.connection.phase !== "online" || !openRoom(state)?.isSynced) return;
    if (shown(state, openRoom(state)) === this.#seen && state.rooms === this.#rooms) return;
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
    this.#rooms = state.rooms;
    const ids = this.#unasked(missingPeople(state, room), (id) => id).slice(0, PEOPLE);
    const seqs = this.#unasked(missingQuotes(state, room), (seq) => `${room.name} ${seq}`).slice(0, QUOTES);
    await Promise.all([this.#askPeople(ids), this.#askQuotes(room.name, seqs), ...this.#askInfo(state)]);
  }

  #unasked(wanted, keyOf) {
    return wanted.filter((one) => !this.#asked.has(keyOf(one)));
  }

  /** Who waits, and in the server room who runs the server. Events tell from then on. */
  #askInfo(state) {
    const isWanted = ({ name, ...room }) => name === SERVER || name === state.open || policyOf(room, "joining") === "knock";
    const rooms = Array.from(state.rooms.values()).filter((room) => room.isMember && room.info === null && isWanted(room) && moderates(state, room));
    const keyOf = ({ name, role, epoch }) => `info ${name} ${role} ${epoch}`;
    return this.#unasked(rooms, keyOf).slice(0, ROOMS_WITH_KNOCKS).map(async (one) => {
      const { name: room } = one;
      this.#asked.add(keyOf(one));
      const answer = await this.#ask({ type: "info", room });
      if (answer.ok) this.#store.dispatch({ type: "info", frame: answer });
    });
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
    this.#store.dispatch({ type: "fetched", frame: answer, seqs: seqs.filter((seq) => seq <= last) });
    await this.#askQuotes(room, seqs.filter((seq) => seq > last)); // those that had no room in the answer
  }
}
