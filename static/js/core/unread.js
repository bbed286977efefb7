/**
 * Unread counts of a room: what the list of rooms counted (`before`), and the numbers of messages heard since. Of those that
 * the list counted only their number is known; when one of them may count no more, the counts are `isStale`, and the list is
 * asked again. Pure.
 */
import { placeOf } from "./window.js";

/** From here on it is "more": the server counts no further either. */
export const MANY = 100;

export const NOTHING = Object.freeze({ before: 0, mentionsBefore: 0, heard: [], mentions: [], isStale: false });

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

/** A message of the room was edited or deleted. @param {object} room {read, listedTo} */
export function withChange(unread, event, { read, listedTo }, meId) {
  const { type, target, seq } = event;
  const others = (seqs) => seqs.filter((one) => one !== target);
  if (unread.heard.includes(target)) {
    const mentions = type === "edit" && isFor(event, meId) ? [...others(unread.mentions), target] : others(unread.mentions);
    return { ...unread, heard: type === "delete" ? others(unread.heard) : unread.heard, mentions };
  }
  const isCounted = target > read && target <= listedTo && unread.before > 0;
  return isCounted && seq > listedTo ? { ...unread, isStale: true } : unread;
}

/** Somebody was blocked, or is no longer: what they wrote counts differently. */
export const withBlock = (unread) => (unread.isStale ? unread : { ...unread, isStale: true });

/** What is unread after reading up to `room.read`: exact where the room's messages are held, else not too few. */
export function readUpTo(unread, room, meId) {
  const { read, listedTo, live } = room;
  const later = (seqs) => seqs.filter((seq) => seq > read);
  const next = { ...unread, heard: later(unread.heard), mentions: later(unread.mentions) };
  if (read >= listedTo || countOf({ ...unread, heard: [] }) === 0) return { ...next, before: 0, mentionsBefore: 0 };
  // Not all that the list counted is held: older than the live window, or told by the list and yet to be heard.
  if (live.first > read + 1 || live.last < listedTo) return { ...next, isStale: true };
  const between = live.events.slice(placeOf(live.events, read + 1), placeOf(live.events, listedTo + 1));
  const mine = between.filter((event) => event.type === "message" && event.from !== meId && !event.isDeleted);
  // Whom the person blocks only the server leaves out.
  const isStale = unread.isStale || mine.length > 0;
  return { ...next, before: mine.length, mentionsBefore: mine.filter((message) => isFor(message, meId)).length, isStale };
}
