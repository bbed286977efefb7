/** Selectors of what stands around the log, without which the first view does. Pure. */
import { current, levelOf, unreadFrom } from "./mine.js";
import { person, titleOf } from "./select.js";
import { SERVER } from "./standing.js";
import { countOf, mentionsOf } from "./unread.js";

/** The list of rooms: the server's, then the pinned ones, then the newest first. */
export function roomList(state) {
  const rooms = Array.from(state.rooms.values()).filter((room) => room.isMember);
  const mine = current(state);
  const height = ({ name }) => (name === SERVER ? 2 : Number(mine.get(`pin_room ${name}`)?.on ?? 0));
  return rooms.sort((a, b) => height(b) - height(a) || b.activeAt - a.activeAt || (a.name < b.name ? -1 : 1));
}

/** The address of a room's picture, once the browser may fetch it. @param {{name: string, picture?: number|null}} room */
export const pictureOf = (state, { name, picture }) =>
  picture && state.hasFilesSession ? `files/${encodeURIComponent(name)}/${picture}/0/picture` : "";

/** The avatar of a room: the other person's in a direct one, else its picture or initials on a square ("seal"). */
export function avatarOf(state, room) {
  const name = titleOf(state, room);
  if (room.name === SERVER) return { id: room.name, name, isSeal: true, sign: "shield" };
  if (!room.with) return { id: room.name, name, picture: pictureOf(state, room), isSeal: true };
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

/** Who else is typing (`what` is "text") or speaking ("voice"). */
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
