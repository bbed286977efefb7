/**
 * One message, as a pure function of its events: the message event, and the changes (edit, delete, reaction, pin)
 * folded on top.
 *
 * `rev` is the number up to which its changes are known; one with a smaller number is in it already.
 */
import { filesOf } from "./files.js";

const NONE = Object.freeze([]);
const CHANGES = new Set(["edit", "delete", "reaction", "pin"]);
const NOTES = new Set(["created", "settings", "member", "role", "ban", "mute", "knock", "report", "resolve", "wipe", "mode", "trust",
  "release", "damaged"]);

/** Whether an event changes an earlier message, its `target`. */
export const isChange = (event) => CHANGES.has(event.type);

/** Whether it is of a kind that this page does not know, from a server that is newer. */
export const isUnknown = (event) => !isChange(event) && event.type !== "message" && !NOTES.has(event.type);

/** Whether an event is shown in the log by itself; changes are not. */
export const isHeld = (event) => !isChange(event);

/**
 * A message event as it is held.
 * @param {object} event as told
 * @param {number} rev the number up to which changes are in it
 */
export function messageOf(event, rev = event.seq) {
  const message = {
    type: "message",
    seq: event.seq,
    id: event.id ?? null,
    from: event.from,
    name: event.name,
    at: event.at,
    atMs: Date.parse(event.at),
    text: event.text,
    replyTo: event.reply_to ?? null,
    mentions: event.mentions ?? NONE,
    forwarded: event.forwarded ?? null,
    files: filesOf(event.files),
    isEdited: false,
    isDeleted: false,
    isPinned: false,
    reactions: NONE, // see `withReaction`
    rev,
  };
  return event.deleted ? tombstone(message) : message;
}

/** An event as it is held in a window; `rev` is as in `messageOf`. */
export const heldOf = (event, rev) => (event.type === "message" ? messageOf(event, rev) : event);

/** The message after a change to it. @param {string} [meId] this person */
export function changed(message, event, meId) {
  if (message.type !== "message" || event.seq <= message.rev) return message;
  const next = { ...message, rev: event.seq };
  return message.isDeleted ? next : changers[event.type](next, event, meId);
}

const changers = {
  edit: (message, { text, mentions = NONE }) => ({ ...message, text, mentions, isEdited: true }),
  delete: (message) => tombstone(message),
  reaction: (message, event, meId) => withReaction(message, { ...event, person: event.from }, meId),
  pin: (message, { on }) => ({ ...message, isPinned: on }),
};

/**
 * The message with a person's reaction added or removed.
 *
 * Of each emoji the number of people is known, the event `since` which it is there, whether this person is one of them, and
 * those who gave it first. One who is not among these changes the count: the log has no reaction that changes nothing.
 */
export function withReaction(message, { emoji, person, on, seq }, meId) {
  const before = message.reactions.find((one) => one.emoji === emoji) ?? { emoji, count: 0, since: seq, isMine: false, people: NONE };
  const { count, people } = before;
  const areAllKnown = people.length === count;
  const isMe = person === meId;
  const isThere = isMe ? before.isMine : people.includes(person);
  if (isThere === on && (on || isMe || areAllKnown)) return message;
  const now = {
    ...before,
    count: count + (on ? 1 : -1),
    isMine: isMe ? on : before.isMine,
    people: on && areAllKnown ? [...people, person] : people.filter((id) => id !== person),
  };
  const others = message.reactions.filter((one) => one !== before);
  return { ...message, reactions: now.count > 0 ? [...others, now].sort((a, b) => a.since - b.since) : others };
}

/** The message with all reactions of one emoji, as a page of history tells them; those of others come in order. */
export const withReactions = (message, { emoji, count, since, mine = false, people = NONE }) => ({
  ...message,
  reactions: [...message.reactions, { emoji, count, since, isMine: mine, people: people.map(({ id }) => id) }],
});

/** The tombstone of a deleted message: nothing of its content. */
export function tombstone(message) {
  return {
    ...message,
    text: "",
    replyTo: null,
    mentions: NONE,
    forwarded: null,
    files: NONE,
    isEdited: false,
    isDeleted: true,
    isPinned: false,
    reactions: NONE,
  };
}
