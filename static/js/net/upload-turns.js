/**
 * Which tab uploads the files of a message, as all tabs have the same outbox. The one that does says so again and again; when it
 * falls silent, another one goes on. Works at plain http addresses, where `navigator.locks` does not exist. Should two
 * believe that it is their turn, the server still takes each byte once.
 */
import { newId } from "./ids.js";

const PREFIX = "trio-chat.uploading.";
const SILENCE_MS = 12_000;
const SETTLE_MS = 60;

export class UploadTurns {
  #tab = newId();
  #storage;
  #pause;

  /** @param {() => Storage} storage @param {() => Promise<void>} pause */
  constructor(storage = () => localStorage, pause = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))) {
    this.#storage = storage;
    this.#pause = pause;
  }

  /** Take the turn for a message, which was written here or in some tab. @returns {Promise<boolean>} whether it is this tab's */
  async take(id, isFromHere) {
    try {
      const [tab, atMs] = this.#read(id);
      if (tab !== this.#tab && !isFromHere && Date.now() - Number(atMs) < SILENCE_MS) return false;
      this.keep(id);
      if (isFromHere) return true;
      await this.#pause(); // two may have written at once
      return this.#read(id)[0] === this.#tab;
    } catch {
      return true;
    }
  }

  /** It is still this tab's turn. */
  keep(id) {
    try {
      this.#storage().setItem(PREFIX + id, `${this.#tab} ${Date.now()}`);
    } catch {
      // Without storage every tab believes that it is alone.
    }
  }

  give(id) {
    try {
      if (this.#read(id)[0] === this.#tab) this.#storage().removeItem(PREFIX + id);
    } catch {
      // As above.
    }
  }

  #read(id) {
    return (this.#storage().getItem(PREFIX + id) ?? " 0").split(" ");
  }
}
