/**
 * What the page knows of one room, as a pure function of the frames it heard.
 *
 * The messages held are a gapless piece of the log: `first` to `last`, of `epoch`. `head` is where the log stood when
 * the room was joined; until `last` reaches it the page is still catching up.
 */

/**
 * How many messages stay when the newest is in view. More than anybody scrolls back in passing, and few enough that the
 * page stays quick after days; older ones are asked for again.
 */
export const HELD_AT_BOTTOM = 400;
const TRIM_SLACK = 100; // trim in steps, not one by one

/** @returns {object} a room of which nothing is known yet */
export function emptyRoom(name) {
  return {
    name,
    epoch: null,
    head: 0,
    first: 1,
    last: 0,
    isSynced: false,
    hasOlder: false,
    isLoadingOlder: false,
    messages: [],
    quietUntil: 0, // up to here it is what one found on opening, not news
    unreadCount: 0,
    markSeq: null, // the "new messages" mark stands before this one
  };
}

/** Where to resume: null when nothing is held. */
export const cursorOf = (room) => (room.epoch === null ? null : { seq: room.last, epoch: room.epoch });

/** Whether this event does not follow the last one: something is missing, and only resuming heals that. */
export const isGap = (room, event) => event.seq > room.last + 1;

/** The server's answer to `join`: keep what is held when it goes on from there, else start afresh. */
export function joined(room, { epoch, head, after, reset }) {
  const goesOn = !reset && room.epoch === epoch && after <= room.last;
  const base = goesOn
    ? room
    : { ...emptyRoom(room.name), epoch, first: after + 1, last: after, hasOlder: after > 0, quietUntil: head };
  return { ...base, head, isSynced: base.last >= head, isLoadingOlder: false };
}

/**
 * One event of the log. What was heard before changes nothing; of kinds unknown to this page only the number counts.
 * @param {{isOwn: boolean, isWatched: boolean}} reader did this reader write it; is the end of the log in view
 */
export function heard(room, event, { isOwn, isWatched }) {
  if (event.seq !== room.last + 1) return room;
  const next = { ...room, last: event.seq, isSynced: room.isSynced || event.seq >= room.head };
  if (event.type !== "message") return next;
  next.messages = [...room.messages, event];
  if (!isOwn && !isWatched && event.seq > room.quietUntil) {
    next.unreadCount = room.unreadCount + 1;
    if (room.unreadCount === 0) next.markSeq = event.seq;
  }
  return isWatched ? trimmed(next) : next;
}

/** An older page came: `events` are directly before the first one held. */
export function olderPage(room, { events, more }) {
  if (!room.isLoadingOlder) return room;
  const older = events.filter((event) => event.seq < room.first);
  const fits = older.length === 0 || older.at(-1).seq === room.first - 1;
  if (!fits) return { ...room, isLoadingOlder: false }; // what it was asked for has been let go meanwhile
  return {
    ...room,
    isLoadingOlder: false,
    hasOlder: more,
    first: older.length > 0 ? older[0].seq : room.first,
    messages: [...older.filter((event) => event.type === "message"), ...room.messages],
  };
}

/** The reader sees the end of the log: nothing is unread, and what is far above is let go. */
export function watched(room) {
  return trimmed(room.unreadCount === 0 ? room : { ...room, unreadCount: 0 });
}

function trimmed(room) {
  if (room.messages.length <= HELD_AT_BOTTOM + TRIM_SLACK) return room;
  const messages = room.messages.slice(-HELD_AT_BOTTOM);
  return { ...room, messages, first: messages[0].seq, hasOlder: true };
}
