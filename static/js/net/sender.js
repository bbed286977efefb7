/**
 * Sender of the outbox: one command at a time, so that they are logged in the order they were given, and with the same
 * id (the idempotency key) on every attempt, so that each is logged once.
 *
 * No command can hold up those behind it, whatever it is answered with. It fails, with a reason, when the server refuses it
 * or hangs up for good at it; when the connection breaks, or no answer comes, several times; and when the server has no time for
 * it again and again, but has for the next one.
 */
import { nextToSend } from "../core/outbox.js";
import { texts } from "../core/texts.js";
import { comesBack, commandOf, isUnexplained, retryAfterMs } from "./protocol.js";

const ANSWER_DEADLINE_MS = 30_000; // beyond that of the connection, which other frames put off
const MOST_BREAKS = 3;
const PATIENCE = 5; // so often a command is put again that the server has no time for, before the next one is tried
const TOO_BIG = 1009; // close code

export class Sender {
  #store;
  #send;
  #restart;
  #inFlight = null;
  #pauseTimer = null;
  #answerTimer = null;
  #tries = { id: null, count: 0 }; // how often the server had no time for this one
  #before = null; // {id, code, message}: the one before that in flight, which the server has no time for

  /**
   * @param {import("../core/store.js").Store} store @param {(frame: object) => void} sendFrame
   * @param {() => void} [restart] connect again
   */
  constructor(store, sendFrame, restart = () => {}) {
    this.#store = store;
    this.#send = sendFrame;
    this.#restart = restart;
    store.subscribe(() => this.#sendNext());
  }

  /**
   * The connection is gone. The command in flight may or may not have arrived, and is sent again on the next one, unless the
   * server hung up at it.
   * @param {{code?: number, reason?: string, isFinal?: boolean}} end how it ended; without a code the page ended it
   * @returns {boolean} whether the command in flight has failed
   */
  disconnected({ code = null, reason = "", isFinal = false } = {}) {
    const entry = this.#waiting(this.#inFlight);
    this.#inFlight = null;
    this.#before = null;
    clearTimeout(this.#answerTimer);
    this.#resume();
    if (!entry || code === null) return false;
    // A final close is the last word on it alone; with a question in flight it may have been that one, for some times.
    const isSuspect = isUnexplained(code) || !comesBack(code);
    if (!isFinal) return isSuspect && globalThis.navigator?.onLine !== false && this.#noteBreak(entry);
    if (code === TOO_BIG) this.#fail(entry.id, "too_long", texts.outboxTooBig);
    else this.#fail(entry.id, "hung_up", texts.outboxHungUp(reason || code));
    return true;
  }

  /** A command was refused. @returns {boolean} whether it is in the outbox */
  refused(error) {
    const { id, code, message } = error;
    if (!this.#store.state.outbox.some((entry) => entry.id === id)) return false;
    const pauseMs = retryAfterMs(error);
    if (pauseMs !== null) {
      this.#refusedForNow(error, pauseMs);
    } else {
      const retryAt = error.retry_after > 0 ? Date.now() + 1000 * error.retry_after : null;
      this.#fail(id, code, message, retryAt);
    }
    return true;
  }

  /** Try again soon; after a while try the next one as well: if the server has time for that, it is only this one. */
  #refusedForNow({ id, code, message }, pauseMs) {
    clearTimeout(this.#answerTimer);
    this.#tries = { id, count: this.#tries.id === id ? this.#tries.count + 1 : 1 };
    const next = nextToSend(this.#store.state, id);
    if (code === "unavailable" && this.#before === null && this.#tries.count >= PATIENCE && next) {
      this.#before = { id, code, message };
      this.#put(next);
      return;
    }
    this.#before = null;
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = setTimeout(() => this.#tryAgain(), pauseMs);
  }

  #fail(id, code, reason, retryAt = null) {
    this.#store.dispatch({ type: "failed", id, code, reason, retryAt });
  }

  /** @returns {boolean} whether it has failed */
  #noteBreak({ id, breaks = 0 }) {
    const isTooMuch = breaks + 1 >= MOST_BREAKS;
    if (isTooMuch) this.#fail(id, "broke", texts.outboxBroke);
    else this.#store.dispatch({ type: "broke", id });
    return isTooMuch;
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

  #waiting(id) {
    return this.#store.state.outbox.find((entry) => entry.id === id && entry.status === "waiting");
  }

  #sendNext() {
    const { connection } = this.#store.state;
    if (connection.phase !== "online" || this.#pauseTimer !== null) return;
    if (this.#waiting(this.#inFlight)) return;
    clearTimeout(this.#answerTimer);
    const before = this.#before;
    this.#inFlight = this.#before = null;
    if (before && this.#waiting(before.id)) this.#fail(before.id, before.code, before.message);
    else this.#put(nextToSend(this.#store.state));
  }

  #put(entry) {
    this.#inFlight = entry?.id ?? null;
    if (!entry) return;
    this.#answerTimer = setTimeout(() => {
      const waiting = this.#waiting(entry.id);
      this.#restart();
      if (waiting) this.#noteBreak(waiting);
    }, ANSWER_DEADLINE_MS);
    this.#send(commandOf(entry));
  }
}
