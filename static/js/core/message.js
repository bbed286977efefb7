/**
 * One message, as a pure function of its events: the message event, and the changes (edit, delete, reaction, pin)
 * folded on top.
 *
 * `rev` is the number up to which its changes are known; one with a smaller number is in it already.
 */

const NONE = Object.freeze([]);
const CHANGES = new Set(["edit", "delete", "reaction", "pin"]);
const NOTES = new Set(["created", "settings", "member", "role", "ban", "mute", "knock", "report", "resolve", "wipe", "mode", "trust",
  "damaged"]);

/** Whether an event changes an earlier message, its `target`. */
export const isChange = (event) => CHANGES.has(event.type);

/** Whether an event is shown in the log by itself; changes are not, nor are kinds that this page does not know. */
export const isHeld = (event) => event.type === "message" || NOTES.has(event.type);

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
    isEdited: false,
    isDeleted: false,
    isPinned: false,
    given: NONE, // {emoji, person, seq}, by seq: what `reactions` is made of
    reactions: NONE,
    rev,
  };
  return event.deleted ? tombstone(message) : message;
}

/** An event as it is held in a window; `rev` is as in `messageOf`. */
export const heldOf = (event, rev) => (event.type === "message" ? messageOf(event, rev) : event);

/** The message after a change to it. */
export function changed(message, event) {
  if (message.type !== "message" || event.seq <= message.rev) return message;
  const next = { ...message, rev: event.seq };
  return message.isDeleted ? next : changers[event.type](next, event);
}

const changers = {
  edit: (message, { text, mentions = NONE }) => ({ ...message, text, mentions, isEdited: true }),
  delete: (message) => tombstone(message),
  reaction: (message, event) => withReaction(message, { ...event, person: event.from }),
  pin: (message, { on }) => ({ ...message, isPinned: on }),
};

/** The message with a person's reaction added or removed. */
export function withReaction(message, { emoji, person, on, seq }) {
  const others = message.given.filter((one) => one.emoji !== emoji || one.person !== person);
  const given = on ? [...others, { emoji, person, seq }].sort((a, b) => a.seq - b.seq) : others;
  return { ...message, given, reactions: grouped(given) };
}

/** The tombstone of a deleted message: nothing of its content. */
export function tombstone(message) {
  return {
    ...message,
    text: "",
    replyTo: null,
    mentions: NONE,
    forwarded: null,
    isEdited: false,
    isDeleted: true,
    isPinned: false,
    given: NONE,
    reactions: NONE,
  };
}

function grouped(given) {
  const people = new Map();
  for (const { emoji, person } of given) people.set(emoji, [...(people.get(emoji) ?? []), person]);
  return Array.from(people, ([emoji, ids]) => ({ emoji, people: ids }));
}
