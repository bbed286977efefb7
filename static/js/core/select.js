/**
 * Selectors: what views read from the state. Pure.
 */
import { HOME } from "./home.js";
import { isUnknown } from "./message.js";
import { current, isBlocked, isHidden, isPinnedRoom, isStarred, levelOf, stars, unreadFrom } from "./mine.js";
import { firstFailed, overlaid, waitingMessages } from "./outbox.js";
import { eventIn, shownWindow } from "./room-history.js";
import { firstUnread } from "./room.js";
import { isEndInView } from "./rooms.js";
import { SERVER } from "./standing.js";
import { texts } from "./texts.js";
import { countOf, isFor, mentionsOf } from "./unread.js";

export { eventIn as messageAt, firstFailed, firstUnread, isBlocked, isHidden, isPinnedRoom, isStarred, isEndInView, levelOf, stars, unreadFrom };

/** The room that is open: on the screen. */
export const openRoom = (state) => state.rooms.get(state.open);

/** The name of a room that may have been asked for in another spelling. */
export const roomNamed = (state, asked) => state.spellings.get(asked) ?? asked;

/** The list of rooms: that of those who run the server, those that the person has pinned, then the newest first. */
export function roomList(state) {
  const rooms = Array.from(state.rooms.values()).filter((room) => room.isMember);
  const mine = current(state);
  const height = ({ name }) => (name === SERVER ? 2 : Number(mine.get(`pin_room ${name}`)?.on ?? 0));
  return rooms.sort((a, b) => height(b) - height(a) || b.activeAt - a.activeAt || (a.name < b.name ? -1 : 1));
}

/** A person's current profile; before it is known, the name from the event. */
export const person = (state, id, name = "") => state.people.get(id) ?? { id, name };

/** What people call a room: its title, the other person's name in a direct one, or its name. */
export function titleOf(state, room) {
  if (room.with) return person(state, room.with, room.title || room.name).name;
  if (room.title) return room.title;
  if (room.name === HOME) return texts.shellLobby;
  return room.name === SERVER ? texts.modServer : room.name;
}

/** The avatar of a room: the other person's in a direct one, else initials on a square ("seal"). */
export function avatarOf(state, room) {
  const name = titleOf(state, room);
  if (room.name === SERVER) return { id: room.name, name, isSeal: true, sign: "shield" };
  if (!room.with) return { id: room.name, name, isSeal: true };
  const { id, colour, picture } = person(state, room.with);
  return { id, name, colour, picture, isSeal: false };
}

/** Unread counts of a room: at most 100, which means more. `isMarkedUnread`: by hand. */
export function unreadOf(room, state = null) {
  const isMarkedUnread = state !== null && unreadFrom(state, room.name) !== null;
  return { count: countOf(room.unread), mentions: mentionsOf(room.unread), isMarkedUnread };
}

/** Unread counts of all rooms, each by its notification level: for the title and the icon. */
export function totals(state, nowMs) {
  const sum = { unread: 0, mentions: 0 };
  for (const room of state.rooms.values()) {
    const level = levelOf(state, room.name, nowMs);
    if (!room.isMember || level === "none") continue;
    const { count, mentions } = unreadOf(room);
    const isDirect = room.kind === "direct";
    sum.unread += level === "all" ? count : mentions;
    sum.mentions += isDirect ? count : mentions;
  }
  return sum;
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

/** Who else is typing in the room, or speaking: `what` is "text" or "voice". */
export function typingIn(state, room, nowMs) {
  return room.typing
    .filter(({ id, until }) => id !== state.me?.id && until > nowMs)
    .map(({ id, name, what }) => ({ ...person(state, id, name), what }));
}

/** The numbers of the pinned messages, ascending, with the outbox laid over them; null before `info` was answered. */
export function pinsOf(state, room) {
  if (!room.info) return null;
  const pins = new Set(room.info.pins);
  for (const entry of state.outbox) {
    if (entry.room !== room.name) continue;
    if (entry.command === "pin" && entry.on) pins.add(entry.target);
    else if (entry.command === "pin" || entry.command === "delete") pins.delete(entry.target);
  }
  return Array.from(pins).sort((a, b) => a - b);
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
