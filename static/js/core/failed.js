/**
 * What can be done about entries of the outbox that have failed. Pure.
 */

// Refusals with which the same would only meet again.
const FOR_GOOD = /^(?:too_long|empty|bad_\w+|no_such_(?!upload)\w+|too_large|lost|unreadable|unusable|not_yours|not_member|deleted|banned|unknown_type|malformed)$/;

/** Whether its room is not there for this person (any more). */
export const isGone = ({ rooms }, { room, code }) => !rooms.has(room) && (room.startsWith("~") || code === "no_such_room");

/** Whether it may help to send a failed entry again as it is. */
export const mayTryAgain = (state, entry) => !FOR_GOOD.test(entry.code ?? "") && !isGone(state, entry);
