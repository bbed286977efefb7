/**
 * Cache of what was last shown, for returning users: the list of rooms, and the end of the rooms opened lately. It is a
 * copy of the state: what is deleted there is deleted here with the next write.
 */
import { emptyRoom } from "../core/room.js";
import { withoutLoading, newest } from "../core/window.js";
import { CACHE } from "./database.js";

const LOAD_PATIENCE_MS = 200; // about as long as connecting takes: the cache must not make the page slower
const WRITE_PAUSE_MS = 1_000;
const ROOMS_WITH_EVENTS = 10;
const EVENTS = 50;
const FORMAT = 3; // another one is not read
const KEPT = [
  "name", "kind", "title", "topic", "owner", "with", "members", "isMember", "epoch", "last", "proof", "listedTo", "lastMessage",
  "activeAt", "read", "unread", "role", "policy", "muted", "picture",
];

export class Cache {
  #database;
  #lately = []; // names of rooms, the one opened last first
  #written = new Map(); // key -> the object it was made of
  #timer = null;
  #latest = null;
  #person = []; // what of the person was written last

  /** @param {import("./database.js").Database} database */
  constructor(database) {
    this.#database = database;
  }

  /** The action that puts the cache into the state, or null when there is none. */
  async load() {
    const values = await this.#database.readAll(CACHE, LOAD_PATIENCE_MS);
    const person = values.find(({ key, format }) => key === "person" && format === FORMAT);
    if (!person) return null;
    const rooms = values.filter(({ key, format }) => key.startsWith("room:") && format === FORMAT);
    this.#lately = person.lately;
    for (const { key } of values) this.#written.set(key, null);
    return {
      type: "cached",
      me: person.me,
      mine: person.mine,
      people: person.people,
      rooms: rooms.map(({ room }) => ({ ...emptyRoom(room.name), ...room })),
    };
  }

  /** Write the changed state soon. */
  follow(state) {
    this.#latest = state;
    if (!state.isListed || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#write(), WRITE_PAUSE_MS);
  }

  /** Write what is not written yet: the page may be gone the next moment, and what was deleted shall not stay. */
  flush() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#write();
  }

  /** Keep nothing. */
  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#database.write(CACHE, { remove: Array.from(this.#written.keys()) });
    this.#written.clear();
    this.#lately = [];
  }

  #write() {
    const state = this.#latest;
    this.#timer = null;
    this.#lately = [state.open, ...this.#lately.filter((name) => name !== state.open)].slice(0, ROOMS_WITH_EVENTS);
    const put = [];
    const keep = (key, source, value) => {
      if (this.#written.get(key) === source) return;
      this.#written.set(key, source);
      put.push({ key, format: FORMAT, ...value() });
    };
    const gone = new Set(this.#written.keys());
    for (const room of state.rooms.values()) {
      if (!room.isMember || room.epoch === null) continue;
      gone.delete(`room:${room.name}`);
      keep(`room:${room.name}`, room, () => ({ room: copyOf(room, this.#lately.includes(room.name) ? EVENTS : 0) }));
    }
    gone.delete("person");
    const { me, mine, people } = state;
    if ([me, mine, people].some((part, index) => part !== this.#person[index])) this.#person = [me, mine, people];
    keep("person", this.#person, () => ({ me, mine, people, lately: this.#lately }));
    for (const key of gone) this.#written.delete(key);
    this.#database.write(CACHE, { put, remove: Array.from(gone) });
  }
}

/** The part of a room that is kept; everything else is asked for again. */
function copyOf(room, count) {
  const kept = Object.fromEntries(KEPT.map((field) => [field, room[field]]));
  return { ...kept, live: withoutLoading(newest(room.live, count)), recent: { from: room.last, changes: [] } };
}
