/**
 * The rooms that this connection is subscribed to: the open one by `join`, and watched; all others of the list, and the
 * personal one, by `follow`. Each goes on from its cursor.
 */
import { HOME } from "../core/home.js";
import { cursorOf } from "../core/room.js";
import { openRoom } from "../core/select.js";
import { newId } from "./ids.js";
import * as protocol from "./protocol.js";

const NO_PLACE = "too_many_rooms"; // such a room is there all the same: it is heard when it is opened

export class Subscriptions {
  #store;
  #session;
  #joins = new Map(); // id of a join -> {room, isFresh, resolve}
  #follows = new Set(); // ids of follows
  #unheard = new Set(); // rooms of the list for which this connection had no place

  /**
   * @param {import("../core/store.js").Store} store
   * @param {{send(frame: object): void, ask(frame: object): Promise<object>, isWelcome(): boolean,
   *   retry(error: object, action: () => void): boolean, giveUp(error: object): void}} session what it needs of it
   */
  constructor(store, session) {
    this.#store = store;
    this.#session = session;
  }

  /** Subscribe to the open room, and watch it. @returns {Promise<object>} */
  async open() {
    const room = openRoom(this.#store.state);
    if (!this.#session.isWelcome()) return { ok: true };
    const isHeard = (room.isSynced || room.isMember) && !this.#unheard.has(room.name);
    if (this.#unheard.has(room.name)) this.#makePlace(room);
    const answer = isHeard ? { ok: true } : await this.join(room);
    if (answer.ok) this.#watch();
    return answer;
  }

  /** Join a room at its cursor, or afresh. */
  join(room) {
    const id = newId();
    const cursor = cursorOf(room);
    return new Promise((resolve) => {
      this.#joins.set(id, { room: room.name, isFresh: cursor === null, resolve });
      this.#session.send(protocol.join(id, room.name, cursor));
    });
  }

  /** This join was sent by the early socket. @returns {Promise<object>} as that of `join` */
  joinSent({ id, room }) {
    return new Promise((resolve) => this.#joins.set(id, { room, isFresh: true, resolve }));
  }

  /** Follow the rooms of the list but the open one, and the personal one; or these only. */
  follow(names = null) {
    const { rooms, open, mine } = this.#store.state;
    const wanted = Array.from(rooms.values()).filter(({ name, isMember }) => (names ? names.includes(name) : isMember && name !== open));
    const cursors = wanted.map((room) => ({ room: room.name, ...cursorOf(room) }));
    if (names === null && mine.room !== null) cursors.push({ room: mine.room, ...cursorOf(mine) });
    for (let start = 0; start < cursors.length; start += protocol.MAX_FOLLOWED) {
      const id = newId();
      this.#follows.add(id);
      this.#session.send(protocol.follow(id, cursors.slice(start, start + protocol.MAX_FOLLOWED)));
    }
  }

  /** The answer to a join or a follow. */
  joined(frame) {
    const join = this.#joins.get(frame.id);
    if (!join && !this.#follows.has(frame.id)) return;
    this.#joins.delete(frame.id);
    this.#unheard.delete(frame.room);
    this.#store.dispatch({ type: "joined", frame, asked: join?.room, isFresh: join?.isFresh ?? false });
    if (join && this.#store.state.connection.phase !== "online") {
      this.#store.dispatch({ type: "connection", phase: "online" });
      this.#watch();
    }
    join?.resolve({ ok: true, room: frame.room });
  }

  /** The server refused something. @returns {boolean} whether it was a join or a follow */
  refused(error) {
    if (this.#joins.has(error.id)) this.#joinRefused(error);
    else if (this.#follows.has(error.id)) this.#followRefused(error);
    else return false;
    return true;
  }

  /** A room is in the list no more; a public one that is open stays on the screen. */
  roomRemoved(name) {
    const { kind, isBanned } = this.#store.state.rooms.get(name) ?? {};
    if (kind === "public" && !isBanned && name === this.#store.state.open) this.#store.dispatch({ type: "roomRemoved", name });
    else this.#roomGone(name);
  }

  /** The connection is gone, and with it all subscriptions; what was to be joined will be on the next one. */
  disconnected() {
    for (const { resolve } of this.#joins.values()) resolve({ ok: true });
    this.#joins.clear();
    this.#follows.clear();
    this.#unheard.clear();
  }

  /** Stop hearing the room of the list in which nothing was written for longest, so that this one can be joined. */
  #makePlace(wanted) {
    const heard = Array.from(this.#store.state.rooms.values()).filter(({ name, isMember }) =>
      isMember && name !== wanted.name && name !== HOME && !this.#unheard.has(name));
    if (heard.length === 0) return;
    const { name } = heard.reduce((one, other) => (other.activeAt < one.activeAt ? other : one));
    this.#unheard.add(name);
    this.#session.send({ type: "leave", id: newId(), room: name });
  }

  async #watch() {
    const room = this.#store.state.open;
    const answer = await this.#session.ask({ type: "watch", room });
    if (answer.ok && this.#store.state.open === room) this.#store.dispatch({ type: "watching", frame: answer });
  }

  #joinRefused(error) {
    const { room: name, resolve } = this.#joins.get(error.id);
    this.#joins.delete(error.id);
    const room = this.#store.state.rooms.get(name);
    if (room && this.#session.retry(error, () => this.join(room).then(resolve))) return;
    if (name === HOME) {
      this.#session.giveUp(error);
      return;
    }
    if (error.code === NO_PLACE && room?.isMember) this.#unheard.add(name);
    else if (error.code === "bad_room" && name === this.#store.state.open) {
      this.#roomMissing(name, error.message);
      resolve({ ok: true, room: name });
      return;
    } else this.#roomGone(name);
    resolve({ ok: false, code: error.code, message: error.message });
  }

  /** The address asked for a room that nobody can make: the page says so in its place. */
  #roomMissing(name, reason) {
    this.#store.dispatch({ type: "missing", name, reason });
    this.#store.dispatch({ type: "connection", phase: "online" });
  }

  #followRefused(error) {
    if (error.room === undefined) this.#session.retry(error, () => this.follow());
    else if (error.code === NO_PLACE) this.#unheard.add(error.room);
    else if (!this.#session.retry(error, () => this.follow([error.room]))) this.#roomGone(error.room);
  }

  /** A room that this person cannot see any more; whoever has it open gets the lobby instead. */
  #roomGone(name) {
    if (name === this.#store.state.open && name !== HOME) {
      this.#store.dispatch({ type: "opened", name: HOME });
      this.open();
    }
    this.#store.dispatch({ type: "roomGone", name });
    if (this.#store.state.connection.phase !== "online" && this.#session.isWelcome()) this.join(openRoom(this.#store.state));
  }
}
