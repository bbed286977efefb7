/**
 * Personal state: stars, hidden messages, notification levels, rooms marked as unread, people blocked. For each of these
 * the newest event of the person's own room holds. Pure.
 */

/** @returns {object} nothing is known yet */
export const emptyMine = () => ({ room: null, epoch: null, last: 0, proof: null, current: new Map() });

/** The personal room as `welcome` tells it. */
export function mineOf({ room, head, epoch, events }) {
  return { room, epoch, last: head, proof: null, current: new Map(events.map((event) => [keyOf(event), event])) };
}

/** Earlier events of it. */
export function withOlderMine(mine, events) {
  const older = events.map((event) => [keyOf(event), event]);
  return { ...mine, current: new Map([...older, ...mine.current]) };
}

/** The next event of the personal room. */
export function withMineEvent(mine, event) {
  if (event.seq !== mine.last + 1) return mine;
  const key = keyOf(event);
  return { ...mine, last: event.seq, proof: event.proof ?? null, current: key ? new Map(mine.current).set(key, event) : mine.current };
}

/** The answer to joining it. */
export function joinedMine(mine, { after, epoch, reset, proof = null }) {
  const isNew = reset || epoch !== mine.epoch;
  return isNew || after === mine.last ? { ...mine, epoch, last: after, proof } : mine;
}

/** The newest event for each key, those in the outbox included. */
export function current({ mine, outbox }) {
  const waiting = outbox.filter(({ command }) => command === "mine");
  if (waiting.length === 0) return mine.current;
  const all = new Map(mine.current);
  for (const entry of waiting) {
    const event = asEvent(entry);
    all.set(keyOf(event), event);
  }
  return all;
}

const keys = {
  star: ({ of, target }) => `star ${of} ${target}`,
  hide: ({ of, target }) => `hide ${of} ${target}`,
  level: ({ of }) => `level ${of}`,
  unread: ({ of }) => `unread ${of}`,
  pin_room: ({ of }) => `pin_room ${of}`,
  block: ({ of }) => `block ${of}`,
};

const keyOf = (event) => keys[event.type]?.(event) ?? null;

function asEvent({ what, room, target, on, level, until, from, person }) {
  const moment = until == null ? undefined : new Date(until).toISOString();
  if (what === "level") return { type: what, of: room, level, until: moment };
  if (what === "unread") return { type: what, of: room, from_seq: from ?? null };
  if (what === "block") return { type: what, of: person, on };
  return { type: what, of: room, target, on };
}

/** Whether this person blocks another one. */
export const isBlocked = (state, person) => current(state).get(`block ${person}`)?.on ?? false;

/** Whether a room stands at the top of the list. */
export const isPinnedRoom = (state, room) => current(state).get(`pin_room ${room}`)?.on ?? false;

/** Whether a message is starred. */
export const isStarred = (state, room, seq) => current(state).get(`star ${room} ${seq}`)?.on ?? false;

/** Whether a message is hidden from this person (deleted for themselves). */
export const isHidden = (state, room, seq) => current(state).get(`hide ${room} ${seq}`)?.on ?? false;

/** The starred messages, the newest star first. @returns {Array<{room: string, seq: number}>} */
export function stars(state) {
  const all = Array.from(current(state).values()).filter(({ type, on }) => type === "star" && on);
  all.sort((a, b) => (b.seq ?? Infinity) - (a.seq ?? Infinity) || 0);
  return all.map(({ of, target }) => ({ room: of, seq: target }));
}

/** The notification level of a room: "all", "mentions" or "none". */
export function levelOf(state, room, nowMs) {
  const event = current(state).get(`level ${room}`);
  const isOver = event?.until !== undefined && Date.parse(event.until) <= nowMs;
  return event && !isOver ? event.level : "all";
}

/** The message from which a room was marked as unread by hand, or null. */
export const unreadFrom = (state, room) => current(state).get(`unread ${room}`)?.from_seq ?? null;
