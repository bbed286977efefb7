/**
 * Sender of the outbox: one command at a time, so that they are logged in the order they were given, and with the same
 * id (the idempotency key) on every attempt, so that each is logged once.
 */
import { nextToSend } from "../core/outbox.js";
import { commandOf, retryAfterMs } from "./protocol.js";

export class Sender {
  #store;
  #send;
  #inFlight = null;
  #pauseTimer = null;

  /** @param {import("../core/store.js").Store} store @param {(frame: object) => void} sendFrame */
  constructor(store, sendFrame) {
    this.#store = store;
    this.#send = sendFrame;
    store.subscribe(() => this.#sendNext());
  }

  /** The command in flight may or may not have arrived: it is sent again on the next connection. */
  disconnected() {
    this.#inFlight = null;
    this.#resume();
  }

  /** A command was refused. @returns {boolean} whether it is in the outbox */
  refused(error) {
    const { id, code, message } = error;
    if (!this.#store.state.outbox.some((entry) => entry.id === id)) return false;
    const pauseMs = retryAfterMs(error);
    if (pauseMs === null) {
      const retryAt = error.retry_after > 0 ? Date.now() + 1000 * error.retry_after : null;
      this.#store.dispatch({ type: "failed", id, code, reason: message, retryAt });
    } else {
      clearTimeout(this.#pauseTimer);
      this.#pauseTimer = setTimeout(() => this.#tryAgain(), pauseMs);
    }
    return true;
  }

  #tryAgain() {
    this.#inFlight = null;
    this.#resume();
    this.#sendNext();
  }

  #resume() {
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = null;
  }

  #sendNext() {
    const { connection, outbox } = this.#store.state;
    if (connection.phase !== "online" || this.#pauseTimer !== null) return;
    if (outbox.some((entry) => entry.id === this.#inFlight && entry.status === "waiting")) return;
    const entry = nextToSend(this.#store.state);
    this.#inFlight = entry?.id ?? null;
    if (entry) this.#send(commandOf(entry));
  }
}
