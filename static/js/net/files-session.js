/**
 * The cookie for pictures and sounds: `<img>` and `<audio>` cannot say a token, so the page says it once after each login
 * with another one, and the server gives a cookie for it.
 */
import { pauseMs } from "./backoff.js";

export class FilesSession {
  #store;
  #token;
  #fetch;
  #asked = null; // the token for which it was asked last
  #timer = null;

  /** @param {import("../core/store.js").Store} store @param {() => string|null} token that of this connection */
  constructor(store, token, fetch = globalThis.fetch) {
    this.#store = store;
    this.#token = token;
    this.#fetch = fetch;
    store.subscribe((state, before) => state.connection !== before.connection && this.#look());
    this.#look();
  }

  #look() {
    const { connection } = this.#store.state;
    const token = this.#token();
    if (connection.phase !== "online" || !token || token === this.#asked) return;
    this.#asked = token;
    this.#ask(token, 0);
  }

  async #ask(token, attempt) {
    clearTimeout(this.#timer);
    let status = 0;
    try {
      ({ status } = await this.#fetch.call(globalThis, "files/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } }));
    } catch {
      // No answer: as if the server was not there.
    }
    if (token !== this.#asked) return;
    if (status >= 200 && status < 300) this.#store.dispatch({ type: "filesSession" });
    else if (status === 0 || status === 429 || status >= 500) this.#timer = setTimeout(() => this.#ask(token, attempt + 1), pauseMs(attempt));
  }
}
