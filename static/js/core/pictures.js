/**
 * Pictures and videos of a room, in the order in which they were sent: what one looks through full screen, and in the album. Pure.
 */
import { copyAt } from "./copies.js";
import { isVisual, kindOf } from "./files.js";
import { split } from "./links.js";
import { shown } from "./select.js";

/** @typedef {{seq: number, n: number}} Place of a file: the nth of a message */

/** A file at its place, and its message, as they stand now; null: not there, or not to be seen. */
export function fileAt(state, room, { seq, n }) {
  const { message, isShown, who } = copyAt(state, room, seq);
  return isShown && message.files[n] ? { message, who, file: message.files[n] } : null;
}

/** @param {number[]} seqs of messages, ascending @returns {Place[]} of what is to be seen of them */
export const placesIn = (state, room, seqs) =>
  seqs.flatMap((seq) => {
    const { message, isShown } = copyAt(state, room, seq);
    return isShown ? message.files.filter(isVisual).map(({ n }) => ({ seq, n })) : [];
  });

/** @returns {Place[]} of all pictures and videos of the room that are loaded */
export function loadedPlaces(state, room) {
  const { events } = shown(state, state.rooms.get(room));
  return placesIn(state, room, events.filter(({ type, seq }) => type === "message" && seq !== null).map(({ seq }) => seq));
}

const HAS = {
  pictures: ({ files }) => files.some(isVisual),
  files: ({ files }) => files.some(isSaved),
  links: ({ text }) => split(text).some(({ href }) => href),
};

/** Whether it stands in the album among the files: no picture, and no voice note. */
export const isSaved = (file) => !isVisual(file) && kindOf(file) !== "voice";

/** Numbers of the messages that are held of a room and belong in its album. @param {"pictures"|"files"|"links"} only */
export const heldFor = (state, room, only) =>
  shown(state, room).events.filter((event) => event.type === "message" && event.seq !== null && HAS[only](event)).map(({ seq }) => seq);
