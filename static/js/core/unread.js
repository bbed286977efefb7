/**
 * Unread counts of a room: what the list of rooms counted (`before`), and the numbers of messages heard since. Pure.
 */
import { placeOf } from "./window.js";

/** From here on it is "more": the server counts no further either. */
export const MANY = 100;

export const NOTHING = Object.freeze({ before: 0, mentionsBefore: 0, heard: [], mentions: [] });

/** The count as the list of rooms tells it. */
export const counted = (before = 0, mentionsBefore = 0) => ({ ...NOTHING, before, mentionsBefore });

export const countOf = ({ before, heard }) => Math.min(MANY, before + heard.length);

export const mentionsOf = ({ mentionsBefore, mentions }) => Math.min(MANY, mentionsBefore + mentions.length);

/** Whether a message is for this person. */
export const isFor = (message, meId) => (message.mentions ?? []).some((id) => id === meId || id === "all");

/** One more message of another person. */
export function withMessage(unread, message, meId) {
  const heard = [...unread.heard, message.seq].slice(-2 * MANY);
  return { ...unread, heard, mentions: isFor(message, meId) ? [...unread.mentions, message.seq] : unread.mentions };
}

/** A message was deleted. */
export function without(unread, seq) {
  if (!unread.heard.includes(seq)) return unread;
  const others = (seqs) => seqs.filter((one) => one !== seq);
  return { ...unread, heard: others(unread.heard), mentions: others(unread.mentions) };
}

/** What is unread after reading up to `room.read`: exact where the room's messages are held, else not too few. */
export function readUpTo(unread, room, meId) {
  const { read, listedTo, live } = room;
  const later = (seqs) => seqs.filter((seq) => seq > read);
  const next = { ...unread, heard: later(unread.heard), mentions: later(unread.mentions) };
  if (read >= listedTo || countOf({ ...unread, heard: [] }) === 0) return { ...next, before: 0, mentionsBefore: 0 };
  if (live.first > read + 1) return next;
  const between = live.events.slice(placeOf(live.events, read + 1), placeOf(live.events, listedTo + 1));
  const mine = between.filter((event) => event.type === "message" && event.from !== meId && !event.isDeleted);
  return { ...next, before: mine.length, mentionsBefore: mine.filter((message) => isFor(message, meId)).length };
}
