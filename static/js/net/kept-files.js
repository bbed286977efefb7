/**
 * What was chosen to be sent, kept in the browser until the server has it, so that a reload does not lose it. A database of
 * its own: the outbox and the cache must not wait for it. Where there is none, files are in memory until the page is closed.
 */

const NAME = "trio-chat.files";
const STORE = "files";
const MOST_BYTES = 1 << 29; // of all that waits
const FRESH_MS = 60_000; // another tab may just have put it there

export class KeptFiles {
  #opening = null;
  #sizes = new Map(); // key -> bytes, of those put here

  /**
   * Keep a file.
   * @param {{key: string, blob: Blob, poster?: Blob|null}} file
   * @returns {Promise<boolean>} whether it will be there after a reload
   */
  async put({ key, blob, poster = null }) {
    this.#sizes.set(key, blob.size);
    const total = Array.from(this.#sizes.values()).reduce((sum, size) => sum + size, 0);
    if (total > MOST_BYTES) return false;
    return (await this.#run("readwrite", (store) => store.put({ key, blob, poster, at: Date.now() }))) !== undefined;
  }

  /** @returns {Promise<{key: string, blob: Blob, poster: Blob|null}|null>} */
  async get(key) {
    return (await this.#run("readonly", (store) => store.get(key))) ?? null;
  }

  remove(key) {
    this.#sizes.delete(key);
    return this.#run("readwrite", (store) => store.delete(key));
  }

  /** Remove what an earlier page left, but for these keys. */
  async clean(keys, now = Date.now()) {
    const isNeeded = new Set(keys);
    const kept = (await this.#run("readonly", (store) => store.getAllKeys())) ?? [];
    for (const key of kept) {
      if (isNeeded.has(key)) continue;
      const file = await this.get(key);
      if (file && file.at < now - FRESH_MS) await this.remove(key);
    }
  }

  /** @returns {Promise<any>} undefined if the browser cannot do it */
  async #run(mode, act) {
    try {
      const database = await (this.#opening ??= open());
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(STORE, mode);
        const asked = act(transaction.objectStore(STORE));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
    } catch {
      return undefined; // no IndexedDB, no space, or no way to keep a file in it
    }
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(asked.error);
  });
}
