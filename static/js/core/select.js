/**
 * Selectors: what views read from the state. Pure.
 */
import { HOME } from "./home.js";
import { isUnknown } from "./message.js";
import { current, isBlocked, isPinnedRoom, isStarred, levelOf, stars } from "./mine.js";
import { overlaid, waitingMessages } from "./outbox.js";
import { eventIn, shownWindow } from "./room-history.js";
import { isEndInView } from "./rooms.js";
import { SERVER } from "./standing.js";
import { texts } from "./texts.js";
import { isFor } from "./unread.js";

export { eventIn as messageAt, isBlocked, isPinnedRoom, isStarred, isEndInView, levelOf, stars };

/** The room that is open: on the screen. */
export const openRoom = (state) => state.rooms.get(state.open);

/** The name of a room that may have been asked for in another spelling. */
export const roomNamed = (state, asked) => state.spellings.get(asked) ?? asked;

/** A person's current profile; before it is known, the name from the event. */
export const person = (state, id, name = "") => state.people.get(id) ?? { id, name };

/** What people call a room: its title, the other person's name in a direct one, or its name. */
export function titleOf(state, room) {
  if (room.with) return person(state, room.with, room.title || room.name).name;
  if (room.title) return room.title;
  if (room.name === HOME) return texts.shellLobby;
  return room.name === SERVER ? texts.modServer : room.name;
}

/** The events of the room's log as shown: the outbox laid over them, hidden messages left out. */
export const shown = lastOf(
  (state, room) => [shownWindow(room), room.name, room.detached, state.outbox, state.transfers, state.mine, state.me],
  (state, room) => {
    const window = shownWindow(room);
    const entries = state.outbox.filter((entry) => entry.room === room.name);
    const waiting = room.detached ? [] : waitingMessages(entries, state.me, state.transfers);
    const mine = current(state);
    const isSeen = ({ seq }) => !mine.get(`hide ${room.name} ${seq}`)?.on;
    return { window, events: [...overlaid(window.events, entries, state.me).filter(isSeen), ...waiting] };
  },
);

/** Receipts: up to which number everybody else (in public rooms: somebody) has received and read. */
const reach = lastOf(
  (state, room) => [room.readMarkers, room.members, room.kind, state.me],
  (state, room) => {
    const others = Array.from(room.readMarkers).filter(([id]) => id !== state.me?.id).map(([, marker]) => marker);
    const isPublic = room.kind === "public";
    const expected = isPublic ? 1 : (room.members ?? others.length + 1) - 1;
    if (others.length === 0 || others.length < expected) return { delivered: 0, read: 0 }; // some have never been here
    const furthest = (one, other) => (isPublic ? Math.max(one, other) : Math.min(one, other));
    return others.reduce((reached, { delivered, read }) => ({
      delivered: furthest(reached.delivered, delivered),
      read: furthest(reached.read, read),
    }));
  },
);

/** The tick of an own message, its delivery status; null for messages of others. */
export function tickOf(state, room, message) {
  if (message.from !== state.me?.id || message.type !== "message") return null;
  if (message.seq === null) return message.status;
  const { delivered, read } = reach(state, room);
  if (message.seq <= read) return "read";
  return message.seq <= delivered ? "delivered" : "sent";
}

/** Whether a message is for this person: by name, or for all. */
export const isMentioned = (state, message) =>
  message.from !== state.me?.id && isFor(message, state.me?.id) && !isBlocked(state, message.from);

/** Numbers of quoted messages in view that have to be fetched. */
export function missingQuotes(state, room) {
  const missing = new Set();
  for (const { replyTo } of shown(state, room).events) {
    if (replyTo != null && eventIn(room, replyTo) === undefined) missing.add(replyTo);
  }
  return Array.from(missing);
}

/** Ids of people in view of whom only a name is known. */
export function missingPeople(state, room) {
  const missing = new Set();
  const note = (id) => id && !state.people.has(id) && missing.add(id);
  for (const event of shown(state, room).events) {
    if (isUnknown(event)) continue;
    note(event.from);
    if (typeof event.person === "string") note(event.person);
    for (const { people } of event.reactions ?? []) people.forEach(note);
    for (const id of event.mentions ?? []) if (id !== "all") note(id);
  }
  return Array.from(missing);
}

/** `compute`, memoised for the last inputs. */
function lastOf(inputs, compute) {
  let before = [];
  let result;
  return (...args) => {
    const now = inputs(...args);
    if (before.length === 0 || now.some((value, index) => value !== before[index])) {
      before = now;
      result = compute(...args);
    }
    return result;
  };
}
