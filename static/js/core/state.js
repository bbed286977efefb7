/**
 * The state of the page, as a pure function of actions: `reduce(state, action)` returns the next state and never
 * changes the old one. Views render from it; nothing else is remembered anywhere. Its shape: docs/page.md.
 */
import { HOME } from "./home.js";
import { emptyMine } from "./mine.js";
import { outboxReducers } from "./outbox.js";
import { withoutLoadingWindows } from "./room-history.js";
import { emptyRoom, readUpTo } from "./room.js";
import { roomReducers, withPeople, withRoom } from "./rooms.js";

/** @returns {object} the state before anything was heard */
export function initialState(roomName) {
  return {
    connection: { phase: "connecting", retryAt: null, reason: null, isSentence: false },
    me: null,
    lost: null,
    hasRecovery: false,
    publicUrl: null,
    networkUrl: null,
    limits: { textChars: 0, messageBytes: 0, fileBytes: 0, files: 0, filesLeft: Infinity },
    pageVersion: null,
    retentionDays: 0,
    isListed: false,
    stamp: null,
    rooms: new Map([[roomName, emptyRoom(roomName)]]),
    open: roomName,
    spellings: new Map(),
    people: new Map(),
    mine: emptyMine(),
    requests: new Map(),
    outbox: [],
    isOutboxRestored: false,
    transfers: new Map(),
    hasFilesSession: false,
    notices: [],
    drafts: new Map(),
    knocked: [],
    standing: { mode: "open", quietUntil: null, newUntil: null, muted: null },
    view: { isAtBottom: true, isVisible: true },
    day: "",
  };
}

const reducers = {
  ...roomReducers,
  ...outboxReducers,

  /** The connection: `phase` is connecting, online, waiting (until `retryAt`, ms) knocking (to be
   * let into the server) or refused; with the `reason` of the server, which may be a whole sentence (`isSentence`).
   * So many sockets in a row did not open (`unopened`). */
  connection(state, { phase, retryAt = null, reason = null, isSentence = false, unopened = 0 }) {
    const next = { ...state, connection: { phase, retryAt, reason, isSentence, unopened } };
    if (phase === "online") return next;
    const quiet = (room) => (room.typing.length > 0 ? { ...withoutLoadingWindows(room), typing: [] } : withoutLoadingWindows(room));
    return Array.from(state.rooms.keys()).reduce((changed, name) => withRoom(changed, name, quiet), next);
  },

  /** The person who uses the page: {id, name, hasChosenName, …}. */
  me(state, { me }) {
    const { hasChosenName: _, ...user } = me;
    return withPeople({ ...state, me }, [user]);
  },

  /** The server does not know us: `why` is elsewhere (another server), unknown, or loggedOut. Null: it does. */
  lost: (state, { lost }) => (["loggedOut", lost.why].includes(state.lost?.why) ? state : { ...state, lost }),

  /** This device was logged out: nothing of the person stays on it. */
  loggedOut: (state) => ({
    ...initialState(HOME), connection: state.connection, isOutboxRestored: state.isOutboxRestored, view: state.view, day: state.day,
    lost: { why: "loggedOut" },
  }),

  /** Nothing that is held of rooms is of use; the open one stays open if it is one of the list. */
  afresh(state) {
    const name = state.rooms.get(state.open).isMember ? state.open : HOME;
    return { ...state, rooms: new Map([[name, emptyRoom(name)]]), open: name, mine: emptyMine(), stamp: null };
  },

  /** The browser has the cookie with which pictures and sounds of messages can be fetched. */
  filesSession: (state) => ({ ...state, hasFilesSession: true }),

  /** The person has made a recovery code. */
  recovery: (state) => ({ ...state, hasRecovery: true }),

  /** The cache of an earlier visit: shown until the server's state comes, and never over it. */
  cached(state, { me, mine, people, rooms }) {
    if (state.isListed) return state;
    const held = new Map(state.rooms);
    for (const room of rooms) if ((held.get(room.name)?.epoch ?? null) === null) held.set(room.name, room);
    const known = new Map([...people, ...state.people]);
    return { ...state, me: state.me ?? me, mine: state.mine.room === null ? mine : state.mine, people: known, rooms: held };
  },

  /** A command was queued. After sending a message the newest ones are shown, without the unread divider. */
  queued(state, action) {
    const next = outboxReducers.queued(state, action);
    if (action.entry.command !== "send") return next;
    return withRoom(next, action.entry.room, (room) =>
      readUpTo({ ...room, detached: null, goal: null, divider: null }, room.last, state.me?.id));
  },

  /** A command was refused: with it the page learns what it may not do in the room. */
  failed(state, action) {
    const entry = state.outbox.find((one) => one.id === action.id);
    const next = outboxReducers.failed(state, action);
    if (!entry || entry.command === "mine") return next;
    if (action.code === "muted") return withRoom(next, entry.room, (room) => ({ ...room, muted: room.muted ?? (state.standing.muted ? null : { until: Infinity, isGuess: true }) }));
    if (action.code === "slow") return withRoom(next, entry.room, (room) => ({ ...room, slowUntil: action.retryAt ?? 0 }));
    return next;
  },

  /** A new day has begun, or the time zone is another one: see `today` in time.js. */
  day: (state, { day }) => (day === state.day ? state : { ...state, day }),

  /** This person waits to be let into a room, or (`on` false) no longer. */
  knocked(state, { room, title, on }) {
    const others = state.knocked.filter((one) => one.room !== room);
    return { ...state, knocked: on ? [...others, { room, title }] : others };
  },

  /** The draft of a room; an empty text is none. */
  draft(state, { room, text }) {
    if ((state.drafts.get(room) ?? "") === text) return state;
    const drafts = new Map(state.drafts);
    if (text === "") drafts.delete(room);
    else drafts.set(room, text);
    return { ...state, drafts };
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
