/**
 * How rooms are called and what stands for them in a list.
 */
import { person, titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";

const HOME = "lobby";

/** What people call a room. */
export function nameOf(state, room) {
  return room.name === HOME && !room.title ? texts.shellLobby : titleOf(state, room);
}

/** What `updateAvatar` needs for a room: a person's face in a direct one, else a seal. */
export function sealOf(state, room) {
  if (room.with) {
    const { id, name, colour, picture } = person(state, room.with, titleOf(state, room));
    return { id, name, colour, picture, isSeal: false };
  }
  return { id: room.name, name: nameOf(state, room), colour: undefined, picture: undefined, isSeal: true };
}

/** Whether this person may change title or topic of a room; the server has the last word. */
export function mayRename(state, room) {
  if (room.kind === "direct") return false;
  return room.kind === "private" ? room.isMember : room.owner === null || room.owner === state.me?.id;
}

/** The address of a room, or of a message in it. */
export function addressOf(room, seq = null) {
  const url = new URL(location.href);
  url.hash = `room=${encodeURIComponent(room)}${seq === null ? "" : `&m=${seq}`}`;
  return url.href;
}
