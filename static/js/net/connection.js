/**
 * The connection: one WebSocket, kept up. Connects, notices when the socket is dead, waits, and reconnects.
 *
 * Browsers do not tell a page that its socket died in a lift, in sleep, or in the back/forward cache. So everything sent
 * must be answered by something within a deadline (every frame of the protocol has an answer), silence is
 * broken by a `ping`, and each hint of the browser (`online`, visible again, `pageshow`) asks for a sign of life at once.
 */
import { pauseMs } from "./backoff.js";
import { newId } from "./ids.js";
import { SUBPROTOCOL, comesBack, decode, encode, mayPass, ping } from "./protocol.js";

const CONNECT_DEADLINE_MS = 10_000; // a handshake that takes longer hangs in a dead network
const ANSWER_DEADLINE_MS = 10_000; // the same for an answer; a slow disk of the server included
const CHECK_DEADLINE_MS = 4_000; // after a hint that the network changed: people are looking at the page now
const QUIET_MS = 25_000; // below the 30 s after which some mobile networks forget an idle connection
const REFUSED_PAUSE_MS = 60_000; // it was the same fault again and again, or a proxy's
const STABLE_MS = 1_000; // a connection that lived that long was a success, and the next pause starts small again

export class Connection {
  /** The longest message that the server takes, in bytes; 0: that is not known, or there is no limit. */
  maxBytes = 0;

  #url;
  #handlers;
  #socket = null;
  #isWanted = false;
  #attempt = 0;
  #unopened = 0; // how many sockets in a row did not open
  #openedAt = null;
  #pauseTimer = null;
  #deadlineTimer = null;
  #quietTimer = null;

  /**
   * @param {string} url
   * @param {{onConnecting(): void, onOpen(greeting?: object): void, onFrame(frame: object): void,
   *   onWaiting(retryAt: number, code: number, reason: string, unopened: number): void, onTooBig(frame: object): void,
   *   onRefused(reason: string, code: number, retryAt: number|null): boolean}} handlers onOpen: with what
   *   `boot/early-socket.js` has said already; onWaiting: there is none now, and at `retryAt` (ms) comes the next try, after so
   *   many sockets in a row that did not open; onRefused: the server
   *   does not want to see us again. Returns whether that was for something that will not be sent again: then it is as after any
   *   end. Else the next try is at `retryAt`, or only `checkNow` tries again; onTooBig: this was not sent
   */
  constructor(url, handlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  /** Connect, and stay connected until `stop`; at first over the socket of `boot/early-socket.js`, if there is one. */
  start(early = null) {
    const isUsable = !this.#isWanted && early && early.socket.readyState <= WebSocket.OPEN;
    if (!isUsable) early?.socket.close();
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (isUsable) this.#takeOver(early);
    else this.#connect();
  }

  /** Hang up and stay so until `start`. */
  stop() {
    this.#isWanted = false;
    this.#dropSocket();
  }

  /** Send a frame; something must come back soon. Without a connection it is lost: resending is the caller's. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const text = encode(frame);
    if (this.maxBytes > 0 && bytesOf(text) > this.maxBytes) return this.#handlers.onTooBig(frame);
    this.#socket.send(text);
    this.#expectFrame(ANSWER_DEADLINE_MS);
  }

  /** Reconnect now instead of later, or check with a `ping` that the socket is alive. */
  checkNow() {
    if (!this.#isWanted) return;
    if (!this.#socket) {
      this.#connect();
    } else if (this.#socket.readyState === WebSocket.OPEN) {
      this.send(ping(newId()));
      this.#expectFrame(CHECK_DEADLINE_MS, { sooner: true });
    }
  }

  /** Reconnect at once, to resume or to log in as another person. */
  restart() {
    if (!this.#isWanted) return;
    this.#dropSocket();
    this.#connect();
  }

  #connect() {
    this.#dropSocket();
    this.#handlers.onConnecting();
    this.#use(new WebSocket(this.#url, SUBPROTOCOL));
    this.#expectFrame(CONNECT_DEADLINE_MS);
  }

  /** The early socket: handle what it received until now. If it is not open yet, nothing was sent over it. */
  #takeOver({ socket, since, greeting, received }) {
    this.#handlers.onConnecting();
    this.#use(socket);
    if (socket.readyState === WebSocket.CONNECTING) {
      this.#expectFrame(CONNECT_DEADLINE_MS - (Date.now() - since));
      return;
    }
    this.#openedAt = since;
    this.#unopened = 0;
    this.#expectFrame(ANSWER_DEADLINE_MS);
    this.#handlers.onOpen(greeting);
    for (const data of received) socket.onmessage({ data });
  }

  #use(socket) {
    this.#socket = socket;
    const isCurrent = () => this.#socket === socket;
    socket.onopen = () => {
      if (!isCurrent()) return;
      clearTimeout(this.#deadlineTimer);
      this.#deadlineTimer = null;
      this.#openedAt = Date.now();
      this.#unopened = 0;
      this.#handlers.onOpen();
    };
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      this.#frameReceived();
      const frame = decode(data);
      if (frame) this.#handlers.onFrame(frame);
    };
    socket.onclose = ({ code, reason }) => isCurrent() && this.#lost(code, reason);
  }

  #lost(code, reason) {
    if (this.#openedAt === null) this.#unopened += 1;
    const wasStable = this.#openedAt !== null && Date.now() - this.#openedAt > STABLE_MS;
    this.#dropSocket();
    if (!comesBack(code)) {
      const retryAt = mayPass(code) ? Date.now() + REFUSED_PAUSE_MS : null;
      if (!this.#handlers.onRefused(reason, code, retryAt)) {
        if (retryAt !== null && this.#isWanted) this.#pauseTimer = setTimeout(() => this.#connect(), REFUSED_PAUSE_MS);
        return;
      }
    }
    if (wasStable) this.#attempt = 0;
    const pause = pauseMs(this.#attempt);
    this.#attempt += 1;
    this.#pauseTimer = setTimeout(() => this.#connect(), pause);
    this.#handlers.onWaiting(Date.now() + pause, code, reason, this.#unopened);
  }

  /** Drop the socket without waiting for its close: a dead one would take minutes. */
  #dropSocket() {
    for (const timer of [this.#pauseTimer, this.#deadlineTimer, this.#quietTimer]) clearTimeout(timer);
    this.#deadlineTimer = null;
    const socket = this.#socket;
    this.#socket = null;
    this.#openedAt = null;
    socket?.close();
  }

  #expectFrame(deadlineMs, { sooner = false } = {}) {
    if (this.#deadlineTimer !== null && !sooner) return;
    clearTimeout(this.#deadlineTimer);
    const nothingCame = 1006; // the browser's own code for a connection without a close frame
    this.#deadlineTimer = setTimeout(() => this.#lost(nothingCame, ""), deadlineMs);
  }

  #frameReceived() {
    clearTimeout(this.#deadlineTimer);
    this.#deadlineTimer = null;
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.send(ping(newId())), QUIET_MS);
  }
}

/** The length in UTF-8. */
const bytesOf = (text) => new TextEncoder().encode(text).length;

/** Tell the connection of the browser's network and page life cycle events. */
export function followBrowser(connection) {
  window.addEventListener("online", () => connection.checkNow());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") connection.checkNow();
  });
  document.addEventListener("resume", () => connection.checkNow());
  // An open socket keeps a page out of the back/forward cache, and comes out of it dead.
  window.addEventListener("pagehide", () => connection.stop());
  window.addEventListener("pageshow", () => {
    connection.start();
    connection.checkNow();
  });
}
