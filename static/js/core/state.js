/**
 * Everything the page shows, as a pure function of what happened: `reduce(state, action)` returns the next state and
 * never changes the old one. Views render from it; nothing else is remembered anywhere.
 *
 * An outbox entry is `{id, room, text, at, status, reason?, code?, seq?}`. Its status is `waiting` until the server has
 * acked it, then `sent` until its event is heard, when the entry goes; or `failed`, with the reason.
 */
import * as rooms from "./room.js";

/** @returns {object} the state of a page that has heard nothing yet */
export function initialState(roomName) {
  return {
    connection: { phase: "connecting", retryAt: null, reason: null },
    me: null,
    room: rooms.emptyRoom(roomName),
    outbox: [],
    isOutboxRestored: false,
    view: { isAtBottom: true, isVisible: true },
  };
}

const reducers = {
  /** The connection: `phase` is connecting, online, waiting (until `retryAt`, ms) or refused (with `reason`). */
  connection(state, { phase, retryAt = null, reason = null }) {
    const room = phase === "online" ? state.room : { ...state.room, isLoadingOlder: false };
    return { ...state, connection: { phase, retryAt, reason }, room };
  },

  /** Who the reader is: {id, name, hasChosenName}. */
  me: (state, { me }) => ({ ...state, me }),

  joined: (state, { frame }) => settleHeard({ ...state, room: rooms.joined(state.room, frame) }),

  event(state, { frame }) {
    const isOwn = frame.from === state.me?.id;
    const room = rooms.heard(state.room, frame, { isOwn, isWatched: isWatched(state) });
    const outbox = isOwn ? without(state.outbox, frame.id) : state.outbox;
    return settleHeard({ ...state, room, outbox });
  },

  loadingOlder: (state, { isLoading }) => ({ ...state, room: { ...state.room, isLoadingOlder: isLoading } }),

  history: (state, { frame }) => ({ ...state, room: rooms.olderPage(state.room, frame) }),

  /** The person wrote something: it is shown at once, and the "new messages" mark has done its duty. */
  queued: (state, { entry }) => ({
    ...state,
    outbox: [...state.outbox, { ...entry, status: "waiting" }],
    room: { ...state.room, markSeq: null, unreadCount: 0 },
  }),

  /** What an earlier page, or another tab, left waiting; ids sort by time. */
  restored(state, { entries }) {
    const known = new Set(state.outbox.map((entry) => entry.id));
    const added = entries
      .filter((entry) => !known.has(entry.id))
      .map((entry) => (entry.status === "sent" ? { ...entry, status: "waiting" } : entry)); // asking again is safe
    if (added.length === 0 && state.isOutboxRestored) return state;
    const outbox = [...state.outbox, ...added].sort((a, b) => (a.id < b.id ? -1 : 1));
    return settleHeard({ ...state, outbox, isOutboxRestored: true });
  },

  acked: (state, { id, seq }) => settleHeard(changeEntry(state, id, { status: "sent", seq })),

  failed: (state, { id, code, reason }) => changeEntry(state, id, { status: "failed", code, reason }),

  /** Send it again, as a new command where the old id is spoilt. */
  retried: (state, { id, newId = id }) =>
    changeEntry(state, id, { id: newId, status: "waiting", code: undefined, reason: undefined }),

  discarded: (state, { id }) => ({ ...state, outbox: without(state.outbox, id) }),

  /** What the reader has in view. */
  viewed(state, { isAtBottom = state.view.isAtBottom, isVisible = state.view.isVisible }) {
    if (isAtBottom === state.view.isAtBottom && isVisible === state.view.isVisible) return state;
    const next = { ...state, view: { isAtBottom, isVisible } };
    return isWatched(next) ? { ...next, room: rooms.watched(state.room) } : next;
  },
};

/**
 * @param {object} state
 * @param {{type: string}} action one of the names above, with its fields
 * @returns {object} the next state
 */
export function reduce(state, action) {
  return reducers[action.type](state, action);
}

/** Whether the reader is looking at the end of the log. */
export const isWatched = ({ view }) => view.isAtBottom && view.isVisible;

/** The first outbox entry that should be sent, if any; none before it is known what was left from earlier. */
export const nextToSend = ({ outbox, isOutboxRestored }) =>
  (isOutboxRestored && outbox.find((entry) => entry.status === "waiting")) || null;

/** The first outbox entry that the person has to decide about, if any. */
export const firstFailed = ({ outbox }) => outbox.find((entry) => entry.status === "failed") ?? null;

/** An acked message whose number has passed stands in the log (perhaps above what is held): it waits no more. */
function settleHeard(state) {
  const outbox = state.outbox.filter((entry) => !(entry.status === "sent" && entry.seq <= state.room.last));
  return outbox.length === state.outbox.length ? state : { ...state, outbox };
}

function without(outbox, id) {
  return outbox.some((entry) => entry.id === id) ? outbox.filter((entry) => entry.id !== id) : outbox;
}

function changeEntry(state, id, changes) {
  if (!state.outbox.some((entry) => entry.id === id)) return state;
  return { ...state, outbox: state.outbox.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry)) };
}
