/**
 * IndexedDB: the outbox and the cache. Where it is blocked or broken everything lives in memory only, and works as
 * before. Nothing on the page waits for a write.
 */

/** The stores: outbox entries by id, and cached things by key. */
export const OUTBOX = "outbox";
export const CACHE = "cache";

export class Database {
  #opening;

  /** @param {Promise<IDBDatabase|null>} opening see boot/early-socket.js; null: the browser has none for us */
  constructor(opening) {
    this.#opening = opening;
  }

  /**
   * Everything in a store, in the order of its keys. Resolves after `patienceMs` at the latest, then with nothing.
   * @returns {Promise<object[]>}
   */
  async readAll(store, patienceMs) {
    const late = new Promise((resolve) => setTimeout(resolve, patienceMs, []));
    return Promise.race([this.#readAll(store), late]);
  }

  /** Put these values into a store, and delete what has these keys, in one transaction. */
  async write(store, { put = [], remove = [] }) {
    const database = await this.#opening;
    if (!database) return;
    try {
      const values = database.transaction(store, "readwrite").objectStore(store);
      for (const value of put) values.put(value);
      for (const key of remove) values.delete(key);
    } catch {
      // The browser closed the database (storage cleared, disk full): memory has to do.
    }
  }

  async #readAll(store) {
    try {
      const database = await this.#opening;
      if (!database) return [];
      return await finished(database.transaction(store).objectStore(store).getAll());
    } catch {
      return [];
    }
  }
}

function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
