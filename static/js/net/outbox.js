/**
 * Keeps what waits to be sent in IndexedDB, so that it survives a reload. Where that is blocked or broken the outbox
 * lives in memory only (in the state), and everything else works as before. Nothing on the page waits for a write.
 */

const DATABASE = "trio-chat";
const VERSION = 1;
const ENTRIES = "outbox";
const LOAD_PATIENCE_MS = 1_000; // a disk slower than this must not keep people from talking

export class Outbox {
  #opening = open().catch(() => null);

  /**
   * What is kept, in order. Resolves in a second at the latest, then with what could be had: nothing.
   * @returns {Promise<object[]>}
   */
  async load() {
    const late = new Promise((resolve) => setTimeout(resolve, LOAD_PATIENCE_MS, []));
    return Promise.race([this.#readAll(), late]);
  }

  /** Make what is kept the same as the outbox of the state; call it with the outbox as it is and as it was. */
  async follow(now, before) {
    if (now === before) return;
    const database = await this.#opening;
    if (!database) return;
    const old = new Map(before.map((entry) => [entry.id, entry]));
    const current = new Set(now.map((entry) => entry.id));
    try {
      const entries = database.transaction(ENTRIES, "readwrite").objectStore(ENTRIES);
      for (const entry of now) if (old.get(entry.id) !== entry) entries.put(entry);
      for (const id of old.keys()) if (!current.has(id)) entries.delete(id);
    } catch {
      // The browser closed the database (storage cleared, disk full): memory has to do.
    }
  }

  async #readAll() {
    try {
      const database = await this.#opening;
      if (!database) return [];
      return await finished(database.transaction(ENTRIES).objectStore(ENTRIES).getAll());
    } catch {
      return [];
    }
  }
}

async function open() {
  const request = indexedDB.open(DATABASE, VERSION);
  request.onupgradeneeded = () => request.result.createObjectStore(ENTRIES, { keyPath: "id" });
  const database = await finished(request);
  database.onversionchange = () => database.close(); // a newer page in another tab must not be held up
  return database;
}

function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked by another tab"));
  });
}
