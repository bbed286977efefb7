/**
 * Alerts: whether a new message counts, sounds, and makes a notification. Pure.
 */
import { isBlocked, levelOf } from "./mine.js";
import { isFor } from "./unread.js";
import { isEndInView } from "./rooms.js";

const FRESH_MS = 2 * 60 * 1000; // what was missed in a short absence is still news

const NOTHING = Object.freeze({ counts: false, sound: false, notification: false });

/**
 * @param {object} state after the event
 * @param {object} event as told
 * @param {number} nowMs
 * @returns {{counts: boolean, sound: boolean, notification: boolean}}
 */
export function alertFor(state, event, nowMs) {
  const room = state.rooms.get(event.room);
  const isNews = event.type === "message" && !event.deleted && event.from !== state.me?.id;
  if (!isNews || !room || event.seq <= room.read || isBlocked(state, event.from)) return NOTHING;
  if (event.room === state.open && isEndInView(state)) return NOTHING;
  const level = levelOf(state, room.name, nowMs);
  const isWanted = level === "all" || (level === "mentions" && isFor(event, state.me?.id));
  if (!isWanted) return NOTHING;
  const isFresh = event.seq > room.head || nowMs - Date.parse(event.at) < FRESH_MS;
  return { counts: true, sound: isFresh, notification: isFresh && !state.view.isVisible }; // it is seen on a visible page
}
