/**
 * Whose turn it is to begin as somebody new: one tab's at a time. So tabs that are opened together for the very first time are one
 * person, as the later ones find the token of the first. Browsers have the lock for it only at https and on their own
 * machine; elsewhere the tabs agree afterwards on the token that was kept last.
 */
const NAME = "trio-chat.new"; // as in boot/early-socket.js

export class Turn {
  #held; // a promise of what releases it, or null

  /** @param {Promise<(() => void)|null>|null} early the turn that `boot/early-socket.js` has taken, if it has */
  constructor(early = null) {
    this.#held = early;
  }

  /** Wait for it; it lasts until `give`. */
  async take() {
    if ((await this.#held) || !globalThis.navigator?.locks) return;
    this.#held = new Promise((resolve) => {
      navigator.locks.request(NAME, () => new Promise(resolve)).catch(() => resolve(null));
    });
    await this.#held;
  }

  give() {
    this.#held?.then((release) => release?.());
    this.#held = null;
  }
}
