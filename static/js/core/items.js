/**
 * Items of the timeline with all that their elements show. An unchanged item is the same object as before. Pure.
 */
import { copyAt } from "./copies.js";
import { noteOf } from "./notes.js";
import { spreadColours } from "./people.js";
import { isMentioned, isStarred, openRoom, person } from "./select.js";
import { timeline } from "./timeline.js";

export class Items {
  #known = new Map();
  #authors = ""; // of the room, whose colours were spread

  /**
   * @param {object} state see state.js @param {number} nowMs
   * @param {Set<string>} [revealed] see timeline.js
   * @returns {object[]}
   */
  of(state, nowMs, revealed) {
    const room = openRoom(state);
    const known = new Map();
    const found = timeline(state, nowMs, revealed);
    const authors = Array.from(new Set(found.flatMap(({ kind, from }) => (kind === "message" ? [from] : []))));
    if (authors.join() !== this.#authors) spreadColours(authors.map((id) => person(state, id)));
    this.#authors = authors.join();
    const items = found.map((item) => {
      const now = complete(state, room, item, nowMs);
      const before = this.#known.get(item.key);
      const same = before && isSame(before, now) ? before : now;
      known.set(item.key, same);
      return same;
    });
    this.#known = known;
    return items;
  }
}

function complete(state, room, item, nowMs) {
  if (item.kind === "note") return { ...item, text: noteOf(state, item.event, nowMs, room.kind) };
  if (item.kind !== "message") return item;
  const { message } = item;
  const { colour, picture } = person(state, item.from, item.name);
  return {
    ...item,
    room: room.name,
    day: state.day,
    colour,
    picture,
    isMentioned: isMentioned(state, message),
    isStarred: message.seq !== null && isStarred(state, room.name, message.seq),
    mentioned: message.mentions.map((id) => `${id} ${id === "all" ? "all" : person(state, id).name}`).join("\n"),
    reactors: reactorsOf(state, message),
    ...quoteOf(state, room, message),
  };
}

/** The names of all who reacted; an item changes when one becomes known or changes. */
const reactorsOf = (state, { reactions }) =>
  reactions.flatMap(({ people }) => people.map((id) => person(state, id).name)).join("\n");

/** The quote of the answered message: name, one line of text, a small picture, and whose colour. */
function quoteOf(state, room, { replyTo }) {
  if (replyTo === null) return { quoteWho: null, quoteText: null, quoteFrom: null };
  const { message, who, line, thumb } = copyAt(state, room.name, replyTo);
  return { quoteWho: who, quoteText: line, quoteThumb: thumb, quoteFrom: message?.from ?? "" };
}

function isSame(one, other) {
  const fields = Object.keys(other);
  return fields.length === Object.keys(one).length && fields.every((field) => one[field] === other[field]);
}
