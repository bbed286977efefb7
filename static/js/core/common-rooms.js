/**
 * The rooms that one has in common with somebody, as far as it is known here. Pure.
 */
import { roomList } from "./around.js";
import { openRoom } from "./select.js";
import { SERVER } from "./standing.js";

/**
 * Rooms of one's list in which a person is, or has written. What is not known without asking for every room is left out:
 * members of rooms that were not looked at, messages that are not held.
 * @returns {Array<object>} Rooms in the order of the list, without the one that is open and the two people's own
 */
export function roomsInCommon(state, id) {
  const open = openRoom(state);
  return roomList(state).filter((room) => room !== open && room.kind !== "direct" && room.name !== SERVER && isKnownIn(room, id));
}

function isKnownIn({ owner, lastMessage, live, here, info, readMarkers }, id) {
  return (
    owner === id || lastMessage?.from === id || readMarkers.has(id) || Boolean(here?.ids.includes(id))
    || Boolean(info?.members.some((member) => member.id === id)) || live.events.some(({ from }) => from === id)
  );
}
