/**
 * How much of a file goes out in one request: more on a fast line, less on a slow one, and never again more than a proxy
 * on the way takes, which is remembered.
 */

const FIRST = 1 << 20; // nginx takes that much, if it was not told otherwise
const MOST = 4 << 20;
const LEAST = 1 << 14;
const FAST_MS = 2_000;
const SLOW_MS = 20_000; // a proxy may give up a request after a minute
const KEY = "trio-chat.chunk";

export class Chunks {
  #storage;
  #size = FIRST;
  #most = MOST;
  #hasBegun = false;

  /** @param {() => Storage} storage */
  constructor(storage = () => localStorage) {
    this.#storage = storage;
    try {
      this.#atMost(Number(storage().getItem(KEY)) || MOST);
    } catch {
      // Then it is found out anew.
    }
  }

  /** Bytes of the next request. */
  get size() {
    return this.#size;
  }

  /** The server says with how much to begin, for the first time. */
  begin(bytes) {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (bytes > 0) this.#size = Math.min(this.#size, Math.max(bytes, LEAST));
  }

  /** So many bytes took so long. */
  took(bytes, ms) {
    if (ms > SLOW_MS) this.#size = Math.max(LEAST, this.#size >> 1);
    else if (ms < FAST_MS && bytes >= this.#size) this.#size = Math.min(this.#most, this.#size << 1);
  }

  /** Nothing came through. @returns {boolean} whether less may */
  less() {
    if (this.#size <= LEAST) return false;
    this.#size >>= 1;
    return true;
  }

  /** Somebody on the way said that it was too much. @returns {boolean} whether less may come through */
  tooMuch(bytes) {
    if (Math.min(bytes, this.#size) <= LEAST) return false;
    this.#atMost(Math.max(LEAST, Math.min(bytes, this.#size) >> 1));
    try {
      this.#storage().setItem(KEY, String(this.#most));
    } catch {
      // Then it is found out anew.
    }
    return true;
  }

  #atMost(bytes) {
    this.#most = Math.min(MOST, Math.max(LEAST, bytes));
    this.#size = Math.min(this.#size, this.#most);
  }
}
