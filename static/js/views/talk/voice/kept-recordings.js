/**
 * Recordings as they are kept in the browser, a piece each second, so that a page that crashes loses a second at most. A database
 * of its own: nothing else waits for it. Where there is none, they are in memory until the page is closed.
 *
 * @typedef {object} Recording
 * @property {string} id @property {string} room @property {string} person whose it is
 * @property {string} mediaType @property {Array<{bytes: ArrayBuffer, levels: number[], ms: number}>} pieces `ms`: recorded up to there
 */

const NAME = "trio-chat.recordings";
const STORE = "pieces"; // {id, index, …}: 0 is the recording without its pieces
const LOCK = "trio-chat.recording ";

let opening = null;

/** @returns {Promise<boolean>} whether the browser keeps it */
export const begin = ({ pieces: _, ...about }) => run("readwrite", (store) => store.put({ ...about, index: 0 }));

/** @param {string} id @param {number} index from 1 @param {object} piece */
export const add = (id, index, piece) => run("readwrite", (store) => store.put({ id, index, ...piece }));

/** All of it again, as when it was discarded by mistake. */
export async function put(recording) {
  await begin(recording);
  await Promise.all(recording.pieces.map((piece, index) => add(recording.id, index + 1, piece)));
}

export const remove = (id) => run("readwrite", (store) => store.delete(IDBKeyRange.bound([id, 0], [id, Infinity])));

/** As when the person is logged out. */
export const removeAll = () => run("readwrite", (store) => store.clear());

/**
 * What earlier pages have left, to be this tab's from now on; what is another tab's is not there.
 * @returns {Promise<Array<Recording & {held: () => void}>>} the oldest first; `held` lets it go
 */
export async function claimLeft() {
  const rows = (await read()) ?? [];
  const left = [];
  for (const { index, ...about } of rows.sort((a, b) => a.at - b.at)) {
    const held = index === 0 && (await hold(about.id));
    if (held) left.push({ ...about, held, pieces: piecesOf(rows.filter(({ id }) => id === about.id)) });
  }
  return left;
}

/** Say that a recording is this tab's. @returns {Promise<(() => void)|null>} lets it go; null: it is another tab's */
export const hold = (id) =>
  new Promise((resolve) => {
    navigator.locks.request(LOCK + id, { ifAvailable: true }, (lock) => (lock ? new Promise(resolve) : resolve(null))).catch(() => resolve(null));
  });

/** In their order; what comes behind a gap is not to be heard. */
function piecesOf(rows) {
  const pieces = [];
  for (const { id: _, index, ...piece } of rows.sort((a, b) => a.index - b.index)) if (index === pieces.length + 1) pieces.push(piece);
  return pieces;
}

async function read() {
  let rows = null;
  await run("readonly", (store) => (store.getAll().onsuccess = ({ target }) => (rows = target.result)));
  return rows;
}

/** @returns {Promise<boolean>} whether it was done */
async function run(mode, act) {
  try {
    const database = await (opening ??= open());
    return await new Promise((resolve) => {
      const transaction = database.transaction(STORE, mode);
      transaction.oncomplete = () => resolve(true);
      transaction.onabort = transaction.onerror = () => resolve(false);
      act(transaction.objectStore(STORE));
    });
  } catch {
    return false;
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: ["id", "index"] });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(asked.error);
  });
}
