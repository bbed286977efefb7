/**
 * Requests to the server, each with a promise of its answer. Nothing is kept: when the connection breaks, the answer is
 * `offline`, and the caller may ask again.
 */
import { texts } from "../core/texts.js";
import { newId } from "./ids.js";
import { retryAfterMs } from "./protocol.js";

const PATIENCE = 3; // how often a question is put again that the server has no time for

export class Commands {
  #send;
  #isOnline = () => false;
  #asked = new Map(); // id -> {frame, resolve, attempts, timer}

  /** @param {(frame: object) => void} sendFrame @param {() => boolean} isOnline */
  constructor(sendFrame, isOnline) {
    this.#send = sendFrame;
    this.#isOnline = isOnline;
  }

  /**
   * Ask, under an id of its own or that which it has.
   * @param {object} frame with its `type`; what is undefined in it is not sent
   * @returns {Promise<object>} the answer with `ok: true`, or `{ok: false, code, message, room?}`
   */
  ask(frame) {
    if (!this.#isOnline()) return Promise.resolve(offline());
    return new Promise((resolve) => {
      const { id = newId() } = frame;
      this.#asked.set(id, { frame: { ...frame, id }, resolve, attempts: 1, timer: null });
      this.#send({ ...frame, id });
    });
  }

  /** An answer came. @returns {boolean} whether it was asked for here */
  answered(frame) {
    return this.#resolve(frame.id, { ...frame, ok: true });
  }

  /** A command was refused. @returns {boolean} whether it was asked here */
  refused(error) {
    const asked = this.#asked.get(error.id);
    if (!asked) return false;
    const pauseMs = retryAfterMs(error);
    if (pauseMs === null || asked.attempts >= PATIENCE) {
      return this.#resolve(error.id, { ok: false, code: error.code, message: error.message, room: error.room });
    }
    asked.attempts += 1;
    asked.timer = setTimeout(() => this.#send(asked.frame), pauseMs);
    return true;
  }

  /** The server hung up for good. @returns {boolean} whether something was asked, which may be why: it is not asked again */
  hungUp(reason) {
    const answer = { ok: false, code: "hung_up", message: texts.outboxHungUp(reason) };
    const ids = Array.from(this.#asked.keys());
    for (const id of ids) this.#resolve(id, answer);
    return ids.length > 0;
  }

  /** The connection is gone: all answers are `offline`. */
  disconnected() {
    for (const id of Array.from(this.#asked.keys())) this.#resolve(id, offline());
  }

  #resolve(id, answer) {
    const asked = this.#asked.get(id);
    if (!asked) return false;
    this.#asked.delete(id);
    clearTimeout(asked.timer);
    asked.resolve(answer);
    return true;
  }
}

const offline = () => ({ ok: false, code: "offline", message: texts.askOffline });
