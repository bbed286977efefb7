/**
 * One person's talk with the server: says hello, hears all rooms of the list, resumes each after an absence, and turns
 * what is heard into actions for the store. What people ask for goes through `ask`, what they write through the outbox.
 */
import { HOME } from "../core/home.js";
import { cursorOf, isGap } from "../core/room.js";
import { openRoom } from "../core/select.js";
import { Commands } from "./commands.js";
import { newId } from "./ids.js";
import { Lookups } from "./lookups.js";
import { Marks } from "./marks.js";
import * as protocol from "./protocol.js";
import { Sender } from "./sender.js";

const TYPING_SHOWN_MS = 6_000;

export class Session {
  #store;
  #identity;
  #connection;
  #sender;
  #commands;
  #marks;
  #lookups;
  #restored;
  #greeting = 0;
  #heldToken = null;
  #link = null; // {code, resolve}: a code of another device, to become its person
  #isWelcome = false;
  #joins = new Map(); // id of a join -> {room, isFresh, resolve?}
  #follows = new Set(); // ids of follows
  #retries = new Set();
  #onEvent;

  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("./identity.js").Identity} identity
   * @param {(handlers: object) => import("./connection.js").Connection} connect
   * @param {{restored?: Promise<void>, onEvent?(frame: object): void}} options restored: when what the browser kept
   *   is in the state; onEvent: after each new event
   */
  constructor(store, identity, connect, { restored = Promise.resolve(), onEvent = () => {} } = {}) {
    this.#store = store;
    this.#identity = identity;
    this.#restored = restored;
    this.#onEvent = onEvent;
    this.#connection = connect({
      onConnecting: () => this.#disconnected({ phase: "connecting" }),
      onOpen: (greeting) => (greeting ? this.#greeted(greeting) : this.#open()),
      onFrame: (frame) => this.#hear(frame),
      onWaiting: (retryAt) => this.#disconnected({ phase: "waiting", retryAt }),
      onRefused: (reason) => this.#disconnected({ phase: "refused", reason }),
    });
    const send = (frame) => this.#connection.send(frame);
    this.#sender = new Sender(store, send);
    this.#commands = new Commands(send, () => this.#isWelcome);
    this.#marks = new Marks(store, send);
    this.#lookups = new Lookups(store, (frame) => this.ask(frame));
    identity.onOtherTab(() => this.#followOtherTab());
  }

  /** The connection below, for what the browser knows of it. */
  get connection() {
    return this.#connection;
  }

  /** Ask the server something; see `Commands.ask`. */
  ask(frame) {
    return this.#commands.ask(frame);
  }

  /** Say something that has no answer. */
  tell(frame) {
    if (this.#isWelcome) this.#connection.send(frame);
  }

  /** The page may be gone the next moment: tell now what was read. */
  tellMarks() {
    this.#marks.tellNow();
  }

  /** Hear the room on the screen, and say that it is there. @returns {Promise<object>} */
  async heedOpenRoom() {
    const room = openRoom(this.#store.state);
    if (!this.#isWelcome) return { ok: true };
    const answer = room.isSynced || room.isMember ? { ok: true } : await this.#join(room);
    if (answer.ok) this.#watch();
    return answer;
  }

  /** Become the person of another device. @returns {Promise<object>} */
  useLink(code) {
    return new Promise((resolve) => {
      this.#link = { code, resolve };
      this.#connection.start();
      this.#connection.restart();
    });
  }

  /** Make the name known to the other tabs. */
  renamed(user) {
    this.#identity.name = user.name;
    this.#becomes(user);
  }

  #disconnected(connection) {
    this.#isWelcome = false;
    this.#greeting += 1;
    for (const timer of this.#retries) clearTimeout(timer);
    this.#retries.clear();
    for (const { resolve } of this.#joins.values()) resolve?.({ ok: true }); // it is joined when we are back
    this.#joins.clear();
    this.#follows.clear();
    this.#store.dispatch({ type: "connection", ...connection });
    this.#sender.disconnected();
    this.#marks.disconnected();
    this.#lookups.disconnected();
    this.#commands.disconnected();
  }

  async #open() {
    const greeting = this.#greeting;
    await this.#restored;
    if (greeting === this.#greeting) this.#greet();
  }

  /** Hello and the open room go out together: the first message is one round trip away. */
  #greet() {
    const link = this.#link?.code ?? null;
    this.#heldToken = this.#identity.token;
    this.#connection.send(protocol.hello({ link, token: this.#heldToken, name: this.#identity.name }));
    this.#join(openRoom(this.#store.state));
  }

  /** `boot/early-socket.js` has said hello, and joined the room if there could be nothing to go on from. */
  #greeted({ token, join }) {
    const room = openRoom(this.#store.state);
    this.#heldToken = token;
    if (join) this.#joins.set(join.id, { room: join.room, isFresh: true, resolve() {} });
    if (join?.room !== room.name) this.#join(room);
  }

  #join(room) {
    const id = newId();
    const cursor = cursorOf(room);
    return new Promise((resolve) => {
      this.#joins.set(id, { room: room.name, isFresh: cursor === null, resolve });
      this.#connection.send(protocol.join(id, room.name, cursor));
    });
  }

  /** The rooms of the list but the open one, and the personal one; or these only. */
  #follow(names = null) {
    const { rooms, open, mine } = this.#store.state;
    const wanted = Array.from(rooms.values()).filter(({ name, isMember }) => (names ? names.includes(name) : isMember && name !== open));
    const places = wanted.map(({ name, last, epoch }) => ({ room: name, after: last, epoch }));
    if (names === null && mine.room !== null) places.push({ room: mine.room, after: mine.last, epoch: mine.epoch });
    for (let start = 0; start < places.length; start += protocol.MAX_FOLLOWED) {
      const id = newId();
      this.#follows.add(id);
      this.#connection.send(protocol.follow(id, places.slice(start, start + protocol.MAX_FOLLOWED)));
    }
  }

  async #watch() {
    const room = this.#store.state.open;
    const answer = await this.ask({ type: "watch", room });
    if (answer.ok && this.#store.state.open === room) this.#store.dispatch({ type: "watching", frame: answer });
  }

  #hear(frame) {
    if (protocol.isEvent(frame)) this.#hearEvent(frame);
    else if (frame.type in this.#answers) this.#answers[frame.type](frame);
    else this.#commands.answered(frame);
  }

  #hearEvent(frame) {
    const { rooms, mine } = this.#store.state;
    const place = frame.room === mine.room ? mine : rooms.get(frame.room);
    if (!place) return;
    if (isGap(place, frame)) {
      this.#connection.restart();
    } else if (frame.seq > place.last) {
      this.#store.dispatch({ type: "event", frame });
      this.#onEvent(frame);
    }
  }

  #answers = {
    welcome: (frame) => {
      this.#isWelcome = true;
      if (frame.token) this.#identity.token = this.#heldToken = frame.token;
      if (this.#link) this.#identity.name = frame.user.name;
      this.#answerLink({ ok: true, user: frame.user });
      this.#becomes(frame.user);
      this.#store.dispatch({ type: "welcome", frame });
      this.#marks.listed(frame.rooms);
      this.#follow();
    },
    joined: (frame) => {
      const join = this.#joins.get(frame.id);
      if (!join && !this.#follows.has(frame.id)) return;
      this.#joins.delete(frame.id);
      this.#store.dispatch({ type: "joined", frame, isFresh: join?.isFresh ?? false });
      if (join && this.#store.state.connection.phase !== "online") {
        this.#store.dispatch({ type: "connection", phase: "online" });
        this.#watch();
      }
      join?.resolve({ ok: true });
    },
    ack: (frame) => {
      if (!this.#commands.answered(frame)) this.#store.dispatch({ type: "acked", id: frame.id, seq: frame.seq });
    },
    room_added: ({ item }) => {
      const isNew = !this.#store.state.rooms.get(item.room)?.isMember;
      this.#store.dispatch({ type: "roomAdded", item, now: Date.now() });
      this.#marks.listed([item]);
      if (isNew && item.room !== this.#store.state.open) this.#follow([item.room]);
    },
    room_removed: ({ room }) => this.#roomRemoved(room),
    marks: (frame) => this.#store.dispatch({ type: "marks", frame }),
    presence: (frame) => {
      if (frame.room === this.#store.state.open) this.#store.dispatch({ type: "presence", frame });
    },
    person: ({ person }) => {
      this.#store.dispatch({ type: "people", people: [person] });
      if (person.id === this.#store.state.me?.id) this.#becomes(person);
    },
    typing: (frame) => {
      this.#store.dispatch({ type: "typing", frame, until: Date.now() + TYPING_SHOWN_MS });
      setTimeout(() => this.#store.dispatch({ type: "expired", now: Date.now() }), TYPING_SHOWN_MS + 1);
    },
    error: (frame) => this.#refused(frame),
  };

  #becomes(user) {
    const hasChosenName = user.name === this.#identity.name;
    this.#store.dispatch({ type: "me", me: { ...user, hasChosenName } });
  }

  #refused(error) {
    if (error.code === "hello_first") return; // it came along with a hello that was refused
    if (!this.#isWelcome) this.#greetingRefused(error);
    else if (this.#joins.has(error.id)) this.#joinRefused(error);
    else if (this.#follows.has(error.id)) this.#followRefused(error);
    else if (!this.#commands.refused(error)) this.#sender.refused(error);
  }

  #greetingRefused(error) {
    if (this.#link) {
      this.#answerLink({ ok: false, code: error.code, message: error.message });
      this.#greet();
    } else if (error.code === "unknown_token") {
      // The server has a new data directory: we are new to it, under the old name if that is free.
      this.#identity.token = null;
      this.#greet();
    } else if (error.code === "name_taken" || error.code === "bad_name") {
      this.#connection.send(protocol.hello());
      this.#join(openRoom(this.#store.state));
    } else if (!this.#again(error, () => this.#greet())) {
      this.#giveUp(error);
    }
  }

  #joinRefused(error) {
    const { room: name, resolve } = this.#joins.get(error.id);
    this.#joins.delete(error.id);
    const room = this.#store.state.rooms.get(name);
    if (room && this.#again(error, () => this.#join(room).then(resolve))) return;
    if (name === HOME) {
      this.#giveUp(error);
      return;
    }
    this.#roomGone(name);
    resolve({ ok: false, code: error.code, message: error.message });
  }

  #followRefused(error) {
    if (error.room === undefined) this.#again(error, () => this.#follow());
    else if (!this.#again(error, () => this.#follow([error.room]))) this.#roomGone(error.room);
  }

  #roomRemoved(name) {
    const { kind } = this.#store.state.rooms.get(name) ?? {};
    if (kind === "public" && name === this.#store.state.open) this.#store.dispatch({ type: "roomRemoved", name });
    else this.#roomGone(name);
  }

  /** A room that one cannot see any more; whoever looks at it finds oneself at home. */
  #roomGone(name) {
    if (name === this.#store.state.open && name !== HOME) {
      this.#store.dispatch({ type: "opened", name: HOME });
      this.heedOpenRoom();
    }
    this.#store.dispatch({ type: "roomGone", name });
    if (this.#store.state.connection.phase !== "online" && this.#isWelcome) this.#join(openRoom(this.#store.state));
  }

  /** Try again later if that helps. @returns {boolean} whether it does */
  #again(error, action) {
    const pauseMs = protocol.retryAfterMs(error);
    if (pauseMs === null) return false;
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      action();
    }, pauseMs);
    this.#retries.add(timer);
    return true;
  }

  #giveUp(error) {
    this.#connection.stop();
    this.#disconnected({ phase: "refused", reason: error.message });
  }

  #answerLink(answer) {
    this.#link?.resolve(answer);
    this.#link = null;
  }

  /** Another tab got a token or a name: this tab is the same person. */
  #followOtherTab() {
    const { token, name } = this.#identity;
    const isNewName = name !== null && name !== this.#store.state.me?.name;
    if (this.#isWelcome && token !== null && (token !== this.#heldToken || isNewName)) this.#connection.restart();
  }
}
