/**
 * The outbox: commands that are not logged yet, and how their effect looks meanwhile. Pure.
 *
 * An entry is `{id, command, room, at, status, breaks?, …fields of the command}`. Its status is `uploading` until its files
 * are complete, `waiting` until the server has acked it, then `sent` (with `seq`) until its event is heard, when the entry goes; or `failed`, with `code` and `reason`.
 * A refused text waits for the person's decision; anything else that is refused goes back, and a notice says why.
 */
import { waitingFiles } from "./files.js";
import { readEntry } from "./outbox-entry.js";
import { tombstone, withReaction } from "./message.js";
import { placeOf } from "./window.js";

const TEXTS = new Set(["send", "edit"]);
const UNCHANGED = "unchanged"; // it is so already, by another device: nothing to say

export const outboxReducers = {
  /** The person did something: it is shown at once. */
  queued: (state, { entry }) => ({ ...state, outbox: [...state.outbox, { ...entry, status: statusOf(entry) }] }),

  /** Entries that an earlier page, or another tab, left; ids sort by time. */
  restored(state, { entries }) {
    const known = new Set(state.outbox.map((entry) => entry.id));
    const added = entries
      .map(readEntry)
      .filter((entry) => entry && !known.has(entry.id))
      .map((entry) => (entry.status === "failed" ? entry : { ...entry, status: statusOf(entry) }));
    if (added.length === 0 && state.isOutboxRestored) return state;
    const outbox = [...state.outbox, ...added].sort((a, b) => (a.id < b.id ? -1 : 1));
    return settled({ ...state, outbox, isOutboxRestored: true });
  },

  acked: (state, { id, seq }) => settled(changeEntry(state, id, { status: "sent", seq })),

  failed(state, { id, code, reason }) {
    const entry = state.outbox.find((one) => one.id === id);
    if (!entry) return state;
    if (TEXTS.has(entry.command)) return changeEntry(state, id, { status: "failed", code, reason });
    if (code === UNCHANGED) return { ...state, outbox: without(state.outbox, id) };
    const notice = { id, command: entry.command, room: entry.room, code, message: reason };
    return { ...state, outbox: without(state.outbox, id), notices: [...state.notices, notice] };
  },

  /** A connection broke, or nothing was answered, when it was sent. */
  broke: (state, { id }) => changeEntry(state, id, ({ breaks = 0 }) => ({ breaks: breaks + 1 })),

  /** Send it again, as a new command where the old id is spoilt. */
  retried: (state, { id, newId = id }) =>
    changeEntry(state, id, (entry) => ({ id: newId, status: statusOf(entry), code: undefined, reason: undefined, breaks: undefined })),

  /** Something became of a file of a message. */
  fileChanged: (state, { id, key, changes }) =>
    changeEntry(state, id, ({ files }) => {
      const changed = files.map((file) => (file.key === key ? { ...file, ...changes } : file));
      return { files: changed, status: statusOf({ files: changed }) };
    }),

  /** How far a file is: `{progress, local}`, of which only the page knows. */
  transferred: (state, { key, ...transfer }) =>
    ({ ...state, transfers: new Map(state.transfers).set(key, { ...state.transfers.get(key), ...transfer }) }),

  discarded: (state, { id }) => ({ ...state, outbox: without(state.outbox, id) }),

  /** Something was refused that is no entry. */
  noticed: (state, { id, room, message }) => ({ ...state, notices: [...state.notices, { id, room, message }] }),

  dismissed: (state, { id }) => ({ ...state, notices: state.notices.filter((notice) => notice.id !== id) }),
};

/** Drop acked entries whose events are in the log, be they held or not. */
export function settled(state) {
  if (state.outbox.length === 0) return state;
  const outbox = state.outbox.filter((entry) => !(entry.status === "sent" && entry.seq <= lastHeard(state, entry)));
  return outbox.length === state.outbox.length ? state : { ...state, outbox };
}

/** No event comes of a room without a subscription: there the ack is enough. */
function lastHeard({ mine, rooms }, { command, room }) {
  return command === "mine" ? mine.last : (rooms.get(room)?.last ?? Infinity);
}

/** The outbox without one entry. */
export function without(outbox, id) {
  return outbox.some((entry) => entry.id === id) ? outbox.filter((entry) => entry.id !== id) : outbox;
}

function changeEntry(state, id, changes) {
  if (!state.outbox.some((entry) => entry.id === id)) return state;
  const change = (entry) => ({ ...entry, ...(typeof changes === "function" ? changes(entry) : changes) });
  return { ...state, outbox: state.outbox.map((entry) => (entry.id === id ? change(entry) : entry)) };
}

const statusOf = ({ files = [] }) => (files.every(({ isComplete }) => isComplete) ? "waiting" : "uploading");

/**
 * The first entry to send (but this one), if any; none before the outbox of earlier pages was read. Messages wait for those of
 * their room that are before them.
 */
export function nextToSend({ outbox, isOutboxRestored }, but = null) {
  const isBehind = ({ command, room }, index) =>
    command === "send" && outbox.slice(0, index).some((other) => other.status === "uploading" && other.room === room);
  const isNext = (entry, index) => entry.status === "waiting" && entry.id !== but && !isBehind(entry, index);
  return (isOutboxRestored && outbox.find(isNext)) || null;
}

/** The first failed entry, about which the person has to decide. */
export const firstFailed = ({ outbox }) => outbox.find((entry) => entry.status === "failed") ?? null;

/** The events with the effects of this room's outbox entries laid over them. */
export function overlaid(events, entries, me) {
  const changes = entries.filter(({ command, status }) => command in looks && status !== "failed");
  if (changes.length === 0) return events;
  const copy = [...events];
  for (const entry of changes) {
    const index = placeOf(copy, entry.target);
    const message = copy[index];
    if (message?.seq === entry.target && message.type === "message" && !message.isDeleted) {
      copy[index] = looks[entry.command](message, entry, me);
    }
  }
  return copy;
}

const looks = {
  edit: (message, { text, mentions = [] }) => ({ ...message, text, mentions, isEdited: true }),
  delete: (message) => tombstone(message),
  react: (message, { emoji, on }, me) => withReaction(message, { emoji, on, person: me?.id, seq: Infinity }, me?.id),
  pin: (message, { on }) => ({ ...message, isPinned: on }),
};

/** Messages in the outbox, as they are shown: without a number. */
export function waitingMessages(entries, me, transfers) {
  return entries
    .filter(({ command }) => command === "send")
    .map((entry) => ({
      type: "message",
      seq: null,
      id: entry.id,
      from: me?.id ?? "",
      name: me?.name ?? "",
      at: new Date(entry.at).toISOString(),
      atMs: entry.at,
      text: entry.text,
      replyTo: entry.replyTo ?? null,
      mentions: entry.mentions ?? [],
      forwarded: entry.forwarded ?? null,
      files: waitingFiles(entry).map((file) => ({ local: null, progress: Number(file.isComplete ?? 0), ...file, ...transfers?.get(file.key) })),
      isEdited: false,
      isDeleted: false,
      isPinned: false,
      reactions: [],
      status: entry.status === "uploading" ? "waiting" : entry.status,
      reason: entry.reason,
    }));
}
