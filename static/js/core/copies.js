/**
 * Copies: a message wherever it stands outside the log, in a quote, a bar, a list, a dialog, a notification. Such a place
 * holds the room and the number, and reads here what may be shown of it now. Pure.
 */
import { lineOf, thumbOf } from "./files.js";
import { isBlocked, isHidden } from "./mine.js";
import { overlaid, waitingMessages } from "./outbox.js";
import { eventIn } from "./room-history.js";
import { texts } from "./texts.js";

/**
 * A message as it stands now, the outbox laid over it: `null` if there is none for this person (it never was, they have
 * hidden it, or they do not hear the room any more), `undefined` if it is not known and has to be fetched.
 */
export function messageNow(state, name, seq) {
  const room = state.rooms.get(name);
  if (!room || isHidden(state, name, seq)) return null;
  const message = eventIn(room, seq);
  if (!message) return message;
  if (message.type !== "message") return null;
  return overlaid([message], state.outbox.filter((entry) => entry.room === name), state.me)[0];
}

/** The message that is the last line of a room: what waits in the outbox, else the newest one that is not hidden; or null. */
export function lastMessageOf(state, room) {
  const entries = state.outbox.filter((entry) => entry.room === room.name);
  const waiting = waitingMessages(entries, state.me, state.transfers).at(-1);
  const { lastMessage } = room;
  if (waiting || !lastMessage) return waiting ?? null;
  const isSeen = ({ type, seq }) => type === "message" && !isHidden(state, room.name, seq);
  const last = isSeen(lastMessage) ? lastMessage : room.live.events.findLast(isSeen);
  return last ? overlaid([last], entries, state.me)[0] : null;
}

/**
 * What stands in the place of the message: who wrote it, one line of text without markup, the address of a small picture.
 * @returns {{message: object|null|undefined, isShown: boolean, who: string, line: string, thumb?: string}} isShown: its own text is the line
 */
export function copyAt(state, name, seq) {
  const message = messageNow(state, name, seq);
  if (!message) return { message, isShown: false, who: "", line: message === null ? texts.talkQuoteGone : texts.talkQuoteLoading };
  const isOwn = message.from === state.me?.id;
  const who = isOwn ? texts.you : (state.people.get(message.from)?.name ?? message.name);
  const isOut = !isOwn && isBlocked(state, message.from);
  if (isOut || message.isDeleted) return { message, isShown: false, who, line: isOut ? texts.talkBlocked(1) : texts.talkDeleted };
  return { message, isShown: true, who, line: lineOf(message), thumb: thumbOf(name, message) };
}
