/**
 * One person's talk with the server: says hello, joins the room, resumes after an absence, and turns what is heard
 * into actions for the store.
 */
import { newId } from "./ids.js";
import * as protocol from "./protocol.js";
import { cursorOf, isGap } from "../core/room.js";
import { Sender } from "./sender.js";
import { texts } from "../core/texts.js";

const PAGE = 50; // older messages a page: a few screens, so that scrolling up seldom has to wait

export class Session {
  #store;
  #identity;
  #connection;
  #sender;
  #heldToken = null;
  #isWelcome = false;
  #joinId = null;
  #historyId = null;
  #renames = new Map(); // command id -> what to do with the answer
  #retryTimer = null;

  /**
   * @param {import("../core/store.js").Store} store
   * @param {import("./identity.js").Identity} identity
   * @param {(handlers: object) => import("./connection.js").Connection} connect
   */
  constructor(store, identity, connect) {
    this.#store = store;
    this.#identity = identity;
    this.#connection = connect({
      onConnecting: () => this.#disconnected({ phase: "connecting" }),
      onOpen: () => this.#greet(),
      onFrame: (frame) => this.#hear(frame),
      onWaiting: (retryAt) => this.#disconnected({ phase: "waiting", retryAt }),
      onRefused: (reason) => this.#disconnected({ phase: "refused", reason }),
    });
    this.#sender = new Sender(store, (frame) => this.#connection.send(frame));
    identity.onOtherTab(() => this.#followOtherTab());
  }

  /** The connection below, for what the browser knows of it. */
  get connection() {
    return this.#connection;
  }

  /** Ask for the page before the oldest message held, unless that is under way or there is none. */
  loadOlder() {
    const { connection, room } = this.#store.state;
    if (connection.phase !== "online" || !room.hasOlder || room.isLoadingOlder) return;
    this.#historyId = newId();
    this.#store.dispatch({ type: "loadingOlder", isLoading: true });
    this.#connection.send(protocol.history(this.#historyId, room.name, room.first, PAGE));
  }

  /**
   * Take another name.
   * @returns {Promise<string|null>} null when it is done, else a sentence that says why not
   */
  rename(name) {
    if (!this.#isWelcome) return Promise.resolve(texts.nameOffline);
    return new Promise((resolve) => {
      const id = newId();
      this.#renames.set(id, resolve);
      this.#connection.send(protocol.rename(id, name));
    });
  }

  #disconnected(connection) {
    this.#isWelcome = false;
    clearTimeout(this.#retryTimer);
    for (const id of [...this.#renames.keys()]) this.#answerRename(id, texts.nameOffline);
    this.#store.dispatch({ type: "connection", ...connection });
    this.#sender.disconnected();
  }

  #greet() {
    this.#heldToken = this.#identity.token;
    this.#connection.send(protocol.hello({ token: this.#heldToken, name: this.#identity.name }));
  }

  #join() {
    const { room } = this.#store.state;
    this.#joinId = newId();
    this.#connection.send(protocol.join(this.#joinId, room.name, cursorOf(room)));
  }

  #hear(frame) {
    if (protocol.isEvent(frame)) this.#hearEvent(frame);
    else this.#answers[frame.type]?.(frame);
  }

  #hearEvent(frame) {
    const { room } = this.#store.state;
    if (frame.room !== room.name) return;
    if (isGap(room, frame)) this.#connection.restart();
    else this.#store.dispatch({ type: "event", frame });
  }

  #answers = {
    welcome: ({ user, token }) => {
      this.#isWelcome = true;
      if (token) this.#identity.token = this.#heldToken = token;
      this.#becomes(user);
      this.#join();
    },
    joined: (frame) => {
      if (frame.id !== this.#joinId) return;
      this.#store.dispatch({ type: "joined", frame });
      this.#store.dispatch({ type: "connection", phase: "online" });
    },
    history: (frame) => {
      if (frame.id === this.#historyId) this.#store.dispatch({ type: "history", frame });
    },
    ack: ({ id, seq }) => this.#store.dispatch({ type: "acked", id, seq }),
    renamed: ({ id, user }) => {
      this.#identity.name = user.name;
      this.#becomes(user);
      this.#answerRename(id, null);
    },
    error: (frame) => this.#refused(frame),
  };

  #becomes(user) {
    const hasChosenName = user.name === this.#identity.name;
    this.#store.dispatch({ type: "me", me: { ...user, hasChosenName } });
  }

  #refused(error) {
    if (!this.#isWelcome) this.#greetingRefused(error);
    else if (error.id === this.#joinId) this.#retry(error, () => this.#join());
    else if (error.id === this.#historyId) this.#store.dispatch({ type: "loadingOlder", isLoading: false });
    else if (!this.#sender.refused(error)) this.#answerRename(error.id, error.message);
  }

  #greetingRefused(error) {
    if (error.code === "unknown_token") {
      // The server has a new data directory: we are new to it, under the old name if that is free.
      this.#identity.token = null;
      this.#greet();
    } else if (error.code === "name_taken" || error.code === "bad_name") {
      this.#connection.send(protocol.hello());
    } else {
      this.#retry(error, () => this.#greet());
    }
  }

  #retry(error, action) {
    const pauseMs = protocol.retryAfterMs(error);
    if (pauseMs !== null) {
      this.#retryTimer = setTimeout(action, pauseMs);
    } else {
      this.#connection.stop();
      this.#disconnected({ phase: "refused", reason: error.message });
    }
  }

  #answerRename(id, answer) {
    this.#renames.get(id)?.(answer);
    this.#renames.delete(id);
  }

  /** Another tab got a token or a name: this tab is the same person. */
  #followOtherTab() {
    const { token, name } = this.#identity;
    const isNewName = name !== null && name !== this.#store.state.me?.name;
    if (this.#isWelcome && token !== null && (token !== this.#heldToken || isNewName)) this.#connection.restart();
  }
}
