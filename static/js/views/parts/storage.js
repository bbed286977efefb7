/**
 * Small things that this browser keeps, for good or for a tab. Where that is blocked or full nothing is kept, and whoever asks
 * does without.
 */

/** The room that is open, for a reload of the tab; as in boot/early-socket.js. */
export const OPEN_KEY = "trio-chat.open";

/** The places that the reader has in rooms, for a reload of the tab; views/talk/reading-places.js writes them. */
export const PLACES_KEY = "trio-chat.places";

/** @param {"localStorage"|"sessionStorage"} storage @param {string} key @returns {string|null} */
export function readKept(storage, key) {
  try {
    return globalThis[storage].getItem(key);
  } catch {
    return null;
  }
}

/** @param {"localStorage"|"sessionStorage"} storage @param {string} key @param {string|null} value null: nothing any more */
export function keep(storage, key, value) {
  try {
    if (value === null) globalThis[storage].removeItem(key);
    else globalThis[storage].setItem(key, value);
  } catch {
    // As above.
  }
}
