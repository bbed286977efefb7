/**
 * Persists the outbox in IndexedDB, so that it survives a reload. What failed, or is uploading, is decided upon once, in whichever tab.
 */
import { OUTBOX } from "./database.js";

const LOAD_PATIENCE_MS = 1_000; // a disk slower than this must not keep people from talking

export class Outbox {
  #database;
  #tabs = globalThis.BroadcastChannel ? new BroadcastChannel("trio-chat.outbox") : null;

  /** @param {import("./database.js").Database} database @param {(id: string) => void} onDecided an entry is gone in another tab */
  constructor(database, onDecided) {
    this.#database = database;
    if (this.#tabs) this.#tabs.onmessage = ({ data }) => onDecided(data);
  }

  /** The kept entries, in order. @returns {Promise<object[]>} */
  load() {
    return this.#database.readAll(OUTBOX, LOAD_PATIENCE_MS);
  }

  /** Write the difference between the outbox as it is and as it was. */
  follow(now, before) {
    if (now === before) return;
    const old = new Map(before.map((entry) => [entry.id, entry]));
    const current = new Set(now.map((entry) => entry.id));
    const remove = Array.from(old.keys()).filter((id) => !current.has(id));
    this.#database.write(OUTBOX, { put: now.filter((entry) => old.get(entry.id) !== entry), remove });
    for (const id of remove) if (["failed", "uploading"].includes(old.get(id).status)) this.#tabs?.postMessage(id);
  }
}
