/**
 * Presence, typing and read markers of one room: what stands beside its log. Pure.
 */
import { readUpTo } from "./room.js";

/** Read markers came. @param {Array<{person: string, delivered: number, read: number}>} marks @param {boolean} isAll of everybody */
export function withReadMarkers(room, marks, meId, isAll = false) {
  const known = isAll ? new Map() : new Map(room.readMarkers);
  let next = room;
  for (const { person, delivered, read } of marks) {
    const before = known.get(person);
    known.set(person, {
      delivered: Math.max(delivered, before?.delivered ?? 0),
      read: Math.max(read, before?.read ?? 0),
    });
    if (person === meId) next = readUpTo(next, read, meId);
  }
  return { ...next, readMarkers: known };
}

/** Presence: who came, who went. */
export function withPresence(room, { came = [], went = [], count }) {
  const news = came.map(({ id }) => id);
  const gone = new Set([...went, ...news]);
  const stayed = (room.here?.ids ?? []).filter((id) => !gone.has(id));
  return { ...room, here: { ids: [...stayed, ...news], count } };
}

/** Somebody is typing, until then unless it is told again. */
export function withTyping(room, person, until) {
  return { ...room, typing: [...room.typing.filter(({ id }) => id !== person.id), { ...person, until }] };
}

/** Forget who has stopped typing. */
export function withoutEndedTyping(room, nowMs) {
  const typing = room.typing.filter(({ until }) => until > nowMs);
  return typing.length === room.typing.length ? room : { ...room, typing };
}
