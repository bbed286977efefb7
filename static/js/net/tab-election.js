/**
 * Election of the tab that alerts: several tabs receive the same message. A tab writes its name and a
 * moment later reads back whether it still stands there, since two may have written at once. Works on plain http
 * addresses, where `navigator.locks` does not exist; without storage every tab believes that it is alone.
 */
const PREFIX = "trio-chat.told.";
const SETTLE_MS = 60;

export class TabElection {
  #tab;
  #storage;
  #pause;

  /** @param {string} tab a name of this tab @param {() => Storage} storage @param {() => Promise<void>} pause */
  constructor(tab, storage = () => localStorage, pause = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))) {
    this.#tab = tab;
    this.#storage = storage;
    this.#pause = pause;
  }

  /** Whether this tab is the one to alert of event `seq`. @returns {Promise<boolean>} */
  async wins(room, epoch, seq) {
    try {
      const key = PREFIX + room;
      const [heldEpoch, heldSeq] = (this.#storage().getItem(key) ?? "").split(" ");
      if (heldEpoch === epoch && Number(heldSeq) >= seq) return false;
      this.#storage().setItem(key, `${epoch} ${seq} ${this.#tab}`);
      await this.#pause();
      return this.#storage().getItem(key)?.split(" ")[2] === this.#tab;
    } catch {
      return true;
    }
  }
}
