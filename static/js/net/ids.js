/**
 * Ids of commands, the idempotency keys. They are unique for ever and sort in the order they were made, so that an
 * outbox read from disk is in order by itself. `crypto.randomUUID` is not used: it does not exist on plain http
 * addresses.
 */

const TIME_DIGITS = 9; // base 36 milliseconds: enough until the year 5188
const COUNT_DIGITS = 3; // commands within one millisecond; beyond that only the order between them suffers
const RANDOM_BYTES = 12; // 96 bits: no collision between devices and tabs, ever

let lastMs = 0;
let count = 0;

/** @returns {string} a new id of 30-odd characters: time, counter, randomness */
export function newId(nowMs = Date.now()) {
  count = nowMs > lastMs ? 0 : count + 1;
  lastMs = Math.max(lastMs, nowMs); // a clock set back must not put new messages before old ones
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return [
    lastMs.toString(36).padStart(TIME_DIGITS, "0"),
    count.toString(36).padStart(COUNT_DIGITS, "0"),
    Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  ].join("-");
}
