/**
 * Items of the timeline with all that their elements show. An unchanged item is the same object as before. Pure.
 */
import { plainLine } from "./format.js";
import { isBlocked, isMentioned, isStarred, messageAt, openRoom, person } from "./select.js";
import { texts } from "./texts.js";
import { timeline } from "./timeline.js";

const QUOTE_LENGTH = 200;

export class Items {
  #known = new Map();

  /**
   * @param {object} state see state.js @param {number} nowMs
   * @param {Set<string>} [revealed] see timeline.js
   * @returns {object[]}
   */
  of(state, nowMs, revealed) {
    const room = openRoom(state);
    const known = new Map();
    const items = timeline(state, nowMs, revealed).map((item) => {
      const now = complete(state, room, item);
      const before = this.#known.get(item.key);
      const same = before && isSame(before, now) ? before : now;
      known.set(item.key, same);
      return same;
    });
    this.#known = known;
    return items;
  }
}

function complete(state, room, item) {
  if (item.kind === "note") return { ...item, text: noteOf(state, item.event, room.kind) };
  if (item.kind !== "message") return item;
  const { message } = item;
  const { colour, picture } = person(state, item.from, item.name);
  return {
    ...item,
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

/** The quote of the answered message: name, one line of text, and whose colour. */
function quoteOf(state, room, { replyTo }) {
  if (replyTo === null) return { quoteWho: null, quoteText: null, quoteFrom: null };
  const quoted = messageAt(room, replyTo);
  if (!quoted) return { quoteWho: "", quoteText: quoted === null ? texts.talkQuoteGone : texts.talkQuoteLoading, quoteFrom: "" };
  return {
    quoteWho: quoted.from === state.me?.id ? texts.you : person(state, quoted.from, quoted.name).name,
    quoteText: isBlocked(state, quoted.from) ? texts.talkBlocked(1) : lineOf(quoted),
    quoteFrom: quoted.from,
  };
}

/** A message as one line without markup. */
export const lineOf = ({ isDeleted, text }) => (isDeleted ? texts.talkDeleted : plainLine(text.slice(0, QUOTE_LENGTH)));

/** The text of a note: an event in the log that is no message. */
export function noteOf(state, event, roomKind = "") {
  const isMe = event.from === state.me?.id;
  const who = isMe ? texts.you : person(state, event.from, event.name).name;
  if (event.type === "created") return texts.talkNoteCreated(who, event.kind);
  if (event.type === "settings") {
    const notes = [];
    if (event.title !== undefined) notes.push(texts.talkNoteTitle(who, event.title));
    if (event.topic !== undefined) notes.push(event.topic ? texts.talkNoteTopic(who, event.topic) : texts.talkNoteNoTopic(who));
    return notes.join(" · ");
  }
  const whom = event.person.id === state.me?.id ? texts.you : person(state, event.person.id, event.person.name).name;
  if (roomKind === "direct" && event.on) return event.person.id === event.from ? texts.talkNoteAccepted(whom) : texts.talkNoteAsked(who, whom);
  if (event.person.id === event.from) return event.on ? texts.talkNoteJoined(whom) : texts.talkNoteLeft(whom);
  return event.on ? texts.talkNoteAdded(who, whom) : texts.talkNoteRemoved(who, whom);
}

function isSame(one, other) {
  const fields = Object.keys(other);
  return fields.length === Object.keys(one).length && fields.every((field) => one[field] === other[field]);
}
