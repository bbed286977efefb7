/**
 * The session: login by hello, and frames of the server turned into actions for the store. Requests go through `ask`,
 * kept commands through the outbox.
 */
import { isGap } from "../core/room.js";
import { openRoom } from "../core/select.js";
import { texts } from "../core/texts.js";
import { inLocalTime } from "../core/time.js";
import { Commands } from "./commands.js";
import { ReadMarkers } from "./read-markers.js";
import * as protocol from "./protocol.js";
import { Sender } from "./sender.js";
import { Subscriptions } from "./subscriptions.js";
import { Turn } from "./turn.js";

const TYPING_SHOWN_MS = 6_000;
const ADDED_TOGETHER_MS = 20;

export class Session {
  #store;
  #identity;
  #connection;
  #sender;
  #commands;
  #readMarkers;
  #lookups = null; // comes after the first view
  #subscriptions;
  #restored;
  #attempt = 0;
  #heldToken = null;
  #login = null; // {fields, resolve}: how to log in, other than by the token
  #tried = new Set(); // tokens that are not known on this connection
  #device;
  #turn;
  #invite; // of the link that the address has, for who is new
  #isWaiting = false; // to be let into the server
  #server = null; // the id of the server that was welcoming last
  #isWelcome = false;
  #isAfresh = false; // what is held of the rooms was forgotten once
  #timers = new Set(); // of this connection
  #added = null; // rooms that will be followed together
  #onEvent;

  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("./identity.js").Identity} identity
   * @param {(handlers: object) => import("./connection.js").Connection} connect
   * @param {{restored?: Promise<void>, device?: string, onEvent?(frame: object): void}} options restored: when what the
   *   browser kept is in the state; device: what the browser is called; onEvent: after each new event
   */
  constructor(store, identity, connect, { restored = Promise.resolve(), device = "", invite = null, turn = new Turn(), onEvent = () => {} } = {}) {
    this.#device = device;
    this.#turn = turn;
    this.#invite = invite;
    this.#store = store;
    this.#identity = identity;
    this.#restored = restored;
    this.#onEvent = onEvent;
    this.#connection = connect({
      onConnecting: () => this.#disconnected({ phase: "connecting" }),
      onOpen: (greeting) => (greeting ? this.#takeOverHello(greeting) : this.#open()),
      onFrame: (frame) => this.#receive(frame),
      onTooBig: ({ id }) => queueMicrotask(() => this.#commandRefused({ id, code: "too_long", message: texts.outboxTooBig })),
      onWaiting: (retryAt, code, reason = "", unopened = 0) =>
        this.#disconnected({ phase: "waiting", retryAt, reason: protocol.comesBack(code) ? null : reason, unopened }, { code }),
      onRefused: (reason, code, retryAt) => this.#hungUp(reason, code, retryAt),
    });
    const send = (frame) => this.#connection.send(frame);
    this.#sender = new Sender(store, send, () => this.#connection.restart());
    this.#commands = new Commands(send, () => this.#isWelcome);
    this.#readMarkers = new ReadMarkers(store, send);
    this.#subscriptions = new Subscriptions(store, {
      send,
      ask: (frame) => this.ask(frame),
      isWelcome: () => this.#isWelcome,
      retry: (error, action) => this.#retry(error, action),
      giveUp: (error) => this.#giveUp(error),
    });
    identity.onOtherTab(() => this.#followOtherTab());
  }

  /** Whose token this connection has logged in with. */
  get token() {
    return this.#heldToken;
  }

  /** The connection below. */
  get connection() {
    return this.#connection;
  }

  /** Ask the server something; see `Commands.ask`. */
  ask(frame) {
    return this.#commands.ask(frame);
  }

  /** @param {typeof import("./lookups.js").Lookups} Lookups what looks up people and quotes in view */
  addLookups(Lookups) {
    this.#lookups = new Lookups(this.#store, (frame) => this.ask(frame));
  }

  /** A view shows this message outside the log: look it up if it is not known. */
  need(room, seq) {
    this.#lookups?.need(room, seq);
  }

  /** Say something that has no answer. */
  tell(frame) {
    if (this.#isWelcome) this.#connection.send(frame);
  }

  /** Send read markers now: the page may be gone the next moment. */
  tellReadMarkers() {
    this.#readMarkers.tellNow();
  }

  /** Subscribe to the room on the screen, and watch who is there. @returns {Promise<object>} */
  subscribeToOpenRoom() {
    return this.#subscriptions.open();
  }

  /**
   * Become somebody else: by a device code (`link`), a recovery code (`recover`), a kept key (`token`), or, without any of
   * them, as a new user. Who one was is kept.
   * @returns {Promise<object>}
   */
  logIn(fields) {
    return new Promise((resolve) => {
      this.#login?.resolve({ ok: false, code: "offline", message: "" });
      this.#login = { fields, resolve };
      this.#connection.start();
      this.#connection.restart();
    });
  }

  /** The other people that one was on this server, and can be again. */
  get otherKeys() {
    const { me } = this.#store.state;
    return this.#identity.keys.filter(({ server, id }) => server === this.#server && id !== me?.id);
  }

  /** Keep the key of another person no longer. */
  forgetKey(token) {
    this.#identity.forget(token);
  }

  /** Make the name known to the other tabs. */
  renamed(user) {
    this.#identity.name = user.name;
    this.#remember(user);
    this.#setUser(user);
  }

  #remember(user, replaced = null) {
    if (this.#server && this.#heldToken) this.#identity.remember(this.#server, user, this.#heldToken, replaced);
  }

  /**
   * The server does not want to see us again, for the person, or for something that was said: that is not said again.
   * @returns {boolean} whether it may have been for that
   */
  #hungUp(reason, code, retryAt = null) {
    const isLoggedOut = code === protocol.LOGGED_OUT;
    const isBanned = code === protocol.BANNED;
    const isOfPerson = isLoggedOut || isBanned;
    // A question that is in flight is not asked again: that may do.
    const wasAsked = !isOfPerson && this.#commands.hungUp(reason || code);
    const end = isOfPerson ? {} : { code, reason, isFinal: !wasAsked };
    const hasFailed = this.#disconnected({ phase: "refused", reason: inLocalTime(reason), retryAt, isSentence: isBanned }, end);
    if (hasFailed || wasAsked) return true;
    if (!isOfPerson) return this.#forgetRooms();
    this.#connection.stop();
    if (isBanned) return false;
    // The token stays the present one, although it is void: else this page would begin anew without asking.
    this.#identity.forget(this.#heldToken);
    this.#store.dispatch({ type: "loggedOut" });
    return false;
  }

  /** The server may have hung up for what is held of the rooms: once, begin without. @returns {boolean} whether it was held */
  #forgetRooms() {
    if (this.#isAfresh) return false;
    this.#isAfresh = true;
    this.#store.dispatch({ type: "afresh" });
    return true;
  }

  /** @param {object} end see `Sender.disconnected` @returns {boolean} whether a command has failed */
  #disconnected(connection, end = {}) {
    this.#isWelcome = false;
    this.#attempt += 1;
    this.#tried.clear();
    if (connection.phase !== "connecting") this.#turn.give();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#added = null;
    this.#subscriptions.disconnected();
    this.#store.dispatch({ type: "connection", ...connection });
    this.#readMarkers.disconnected();
    this.#lookups?.disconnected();
    this.#commands.disconnected();
    return this.#sender.disconnected(end);
  }

  /** Whether hello is going to begin somebody new. */
  get #isNew() {
    return !this.#login && this.#identity.token === null;
  }

  async #open() {
    const greeting = this.#attempt;
    await this.#restored;
    if (this.#isNew) await this.#turn.take();
    if (greeting === this.#attempt) this.#sayHello();
  }

  /** Send hello and join together: the first message is one round trip away. */
  #sayHello() {
    const { token = this.#login ? null : this.#identity.token, link, recover } = this.#login?.fields ?? {};
    this.#heldToken = token;
    this.#connection.send(protocol.hello({ link, recover, token, name: this.#identity.name, invite: this.#invite, device: this.#device, since: this.#store.state.stamp }));
    this.#joinOpenRoom();
  }

  /** Join the room on the screen. The person has asked for it in the address, if at all: what is wrong with it is told. */
  async #joinOpenRoom(sent = null) {
    const room = openRoom(this.#store.state);
    const answer = await (sent?.room === room.name ? this.#subscriptions.joinSent(sent) : this.#subscriptions.join(room));
    if (!answer.ok) this.#store.dispatch({ type: "noticed", id: `join ${room.name}`, room: room.name, message: answer.message });
  }

  /** `boot/early-socket.js` has sent hello, and for a new user the join. */
  #takeOverHello({ token, join }) {
    this.#heldToken = token;
    this.#joinOpenRoom(join);
  }

  #receive(frame) {
    if (protocol.isEvent(frame)) this.#receiveEvent(frame);
    else if (frame.type in this.#answers) this.#answers[frame.type](frame);
    else this.#commands.answered(frame);
  }

  #receiveEvent(frame) {
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
      this.#isWaiting = frame.waiting ?? false;
      this.#isWelcome = !this.#isWaiting;
      this.#connection.maxBytes = frame.about?.limits?.message_bytes ?? 0;
      this.#server = frame.server ?? null;
      if (this.#login) this.#becomeAnother(frame);
      const replaced = frame.token ? this.#heldToken : null;
      if (frame.token) this.#heldToken = frame.token;
      if (this.#heldToken !== this.#identity.token) this.#identity.token = this.#heldToken;
      this.#remember(frame.user, replaced);
      this.#settleLogin({ ok: true, user: frame.user });
      this.#setUser(frame.user);
      this.#turn.give();
      if (this.#isWaiting) {
        this.#store.dispatch({ type: "connection", phase: "knocking" });
        return;
      }
      this.#store.dispatch({ type: "welcome", frame });
      this.#readMarkers.listed(frame.rooms);
      this.#subscriptions.follow();
      if (frame.mine?.more) this.#readOlderMine(frame.mine.events);
    },
    standing: (frame) => {
      this.#store.dispatch({ type: "standing", frame });
      if (this.#isWaiting && !frame.waiting) this.#sayHello(); // let in
    },
    joined: (frame) => this.#subscriptions.joined(frame),
    ack: (frame) => {
      if (!this.#commands.answered(frame)) this.#store.dispatch({ type: "acked", id: frame.id, seq: frame.seq });
    },
    room_added: ({ item, stamp }) => {
      const isNew = !this.#store.state.rooms.get(item.room)?.isMember;
      this.#store.dispatch({ type: "roomAdded", item, stamp });
      this.#readMarkers.listed([item]);
      if (isNew && item.room !== this.#store.state.open) this.#followAdded(item.room);
    },
    room_removed: ({ room }) => this.#subscriptions.roomRemoved(room),
    request: ({ item }) => this.#store.dispatch({ type: "requested", item }),
    marks: (frame) => this.#store.dispatch({ type: "readMarkers", frame }),
    presence: (frame) => {
      if (frame.room === this.#store.state.open) this.#store.dispatch({ type: "presence", frame });
    },
    person: ({ person }) => {
      this.#store.dispatch({ type: "people", people: [person] });
      if (person.id === this.#store.state.me?.id) this.#setUser(person);
    },
    typing: (frame) => {
      this.#store.dispatch({ type: "typing", frame, until: Date.now() + TYPING_SHOWN_MS });
      setTimeout(() => this.#store.dispatch({ type: "expired", now: Date.now() }), TYPING_SHOWN_MS + 1);
    },
    error: (frame) => this.#refused(frame),
  };

  /** Follow a room that was added, and together those that are added soon after it: a long list ends in many. */
  #followAdded(room) {
    if (this.#added) return void this.#added.push(room);
    this.#subscriptions.follow([room]);
    const added = this.#added = [];
    this.#later(ADDED_TOGETHER_MS, () => {
      this.#added = null;
      this.#subscriptions.follow(added);
    });
  }

  /** Read the personal state that the welcome had no room for. */
  async #readOlderMine(newer) {
    const answer = await this.ask({ type: "own", before: newer[0].seq });
    if (!answer.ok) return;
    this.#store.dispatch({ type: "olderMine", events: answer.events });
    if (answer.more) await this.#readOlderMine(answer.events);
  }

  #setUser(user) {
    const hasChosenName = user.name === this.#identity.name;
    this.#store.dispatch({ type: "me", me: { ...user, hasChosenName } });
  }

  #refused(error) {
    // It came along with a hello that was refused, or that has to wait.
    if (error.code === "hello_first" || (this.#isWaiting && error.code === "waiting")) return;
    if (!this.#isWelcome) this.#helloRefused(error);
    else this.#commandRefused(error);
  }

  #commandRefused(error) {
    if (!this.#subscriptions.refused(error) && !this.#commands.refused(error)) this.#sender.refused(error);
  }

  #helloRefused(error) {
    if (error.code === "name_taken" || error.code === "bad_name") {
      this.#connection.send(protocol.hello({ invite: this.#invite, device: this.#device }));
      this.#joinOpenRoom();
    } else if (this.#login) {
      this.#settleLogin({ ok: false, code: error.code, message: error.message });
      if (this.#store.state.lost === null) this.#sayHello();
    } else if (error.code === "unknown_token") {
      this.#tokenUnknown(error.server ?? null);
    } else if (!this.#retry(error, () => this.#sayHello())) {
      this.#giveUp(error);
    }
  }

  /** Another server, or it does not know us any more: try the other keys that are good here; else the person decides. */
  #tokenUnknown(server) {
    this.#tried.add(this.#heldToken);
    const other = this.#identity.alternatives(server, this.#heldToken).find(({ token }) => !this.#tried.has(token));
    if (other) {
      this.#identity.token = other.token;
      this.#identity.name = other.chosen;
      this.#sayHello();
      return;
    }
    const why = this.#identity.isElsewhere(server, this.#heldToken) ? "elsewhere" : "unknown";
    this.#store.dispatch({ type: "lost", lost: { why } });
  }

  #becomeAnother({ user }) {
    const { fields } = this.#login;
    const isNew = !fields.link && !fields.recover && !fields.token;
    if (this.#store.state.lost?.why !== "loggedOut") this.#identity.setAside();
    if (!isNew) this.#identity.name = fields.chosen === undefined ? user.name : fields.chosen;
  }

  /** Try again later if that helps. @returns {boolean} whether it does */
  #retry(error, action) {
    const pauseMs = protocol.retryAfterMs(error);
    if (pauseMs === null) return false;
    this.#later(pauseMs, action);
    return true;
  }

  /** Do it then, if this is the same connection still. */
  #later(pauseMs, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, pauseMs);
    this.#timers.add(timer);
  }

  #giveUp(error) {
    this.#connection.stop();
    this.#disconnected({ phase: "refused", reason: error.message, isSentence: true });
  }

  #settleLogin(answer) {
    this.#login?.resolve(answer);
    this.#login = null;
  }

  /** Another tab got a token or a name: this tab is the same person. */
  #followOtherTab() {
    const { token, name } = this.#identity;
    const isNewName = name !== null && name !== this.#store.state.me?.name;
    const isHere = this.#isWelcome || this.#store.state.lost !== null;
    if (isHere && token === this.#heldToken && !isNewName && this.#store.state.me) this.#setUser(this.#store.state.me); // chosen there
    if (!isHere || token === null || (token === this.#heldToken && !isNewName)) return;
    this.#connection.start();
    this.#connection.restart();
  }
}
