/**
 * Which voice notes were played, in this browser: the last thousand.
 */
import { keep, readKept } from "./storage.js";

const KEY = "trio-chat.heard";
const MOST = 1_000;

/** @param {string} key of a sound */
export const isHeard = (key) => read().includes(key);

export function noteHeard(key) {
  const heard = read();
  if (!heard.includes(key)) keep("localStorage", KEY, [...heard, key].slice(-MOST).join("\n"));
}

/** As when the person is logged out. */
export const forgetHeard = () => keep("localStorage", KEY, null);

const read = () => readKept("localStorage", KEY)?.split("\n") ?? [];
