/**
 * Reconnect pauses: exponential backoff with full jitter, so that the users of a restarted server do not all come back
 * in the same moment. Pure.
 */

const FIRST_CEILING_MS = 1_000; // the first pause is up to a second: a restart takes about that long
const LAST_CEILING_MS = 30_000; // nobody wants to watch a longer pause than that
const FLOOR_MS = 100; // not even the luckiest draw may turn into a busy loop

/**
 * @param {number} attempt how many attempts have failed in a row, from 0
 * @param {() => number} random a number in [0, 1)
 * @returns {number} milliseconds to wait
 */
export function pauseMs(attempt, random = Math.random) {
  const ceiling = Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** Math.min(attempt, 10));
  return FLOOR_MS + Math.floor(random() * (ceiling - FLOOR_MS));
}
