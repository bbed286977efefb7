/**
 * Persists the outbox in IndexedDB, so that it survives a reload.
 */
import { OUTBOX } from "./database.js";

const LOAD_PATIENCE_MS = 1_000; // a disk slower than this must not keep people from talking

export class Outbox {
  #database;

  /** @param {import("./database.js").Database} database */
  constructor(database) {
    this.#database = database;
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
    this.#database.write(OUTBOX, {
      put: now.filter((entry) => old.get(entry.id) !== entry),
      remove: Array.from(old.keys()).filter((id) => !current.has(id)),
    });
  }
}
