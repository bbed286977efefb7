/**
 * The reducers of all rooms: which rooms there are, and which frame changes which. Pure.
 */
import { isBlocked, joinedMine, mineOf, unreadFrom, withMineEvent, withOlderMine } from "./mine.js";
import { settled, without } from "./outbox.js";
import { loading, withFetched, withFound, withoutLoadingWindows, withPage } from "./room-history.js";
import { withInfo, withMoreMembers } from "./room-info.js";
import { withoutEndedTyping, withPresence, withReadMarkers, withTyping } from "./room-presence.js";
import { withReports } from "./reports.js";
import { requestsOf, withoutRequest, withRequests } from "./requests.js";
import { closed, emptyRoom, joined, listed, muteOf, opened, readToEnd, withEvent } from "./room.js";
import { texts } from "./texts.js";
import * as unread from "./unread.js";

/** Whether the end of the open room's log is in view. */
export const isEndInView = (state) =>
  state.view.isAtBottom && state.view.isVisible && !state.rooms.get(state.open)?.detached;

/** The state with one room changed by `change`; the same state if there is no such room. */
export function withRoom(state, name, change) {
  const room = state.rooms.get(name);
  const next = room && change(room);
  return !next || next === room ? state : { ...state, rooms: new Map(state.rooms).set(name, next) };
}

/** The state with these people's current profiles. */
export function withPeople(state, users) {
  const news = users.filter((user) => user && !isSame(state.people.get(user.id), user));
  if (news.length === 0) return state;
  const people = new Map(state.people);
  for (const { role: _, ...user } of news) people.set(user.id, user);
  return { ...state, people };
}

const peopleIn = ({ members = [], knocking = [], restricted = [] }) =>
  [...members, ...knocking, ...restricted.map(({ person }) => person)];

const isSame = (known, user) => known && ["name", "colour", "picture", "seen", "here"].every((field) => known[field] === user[field]);

/** What is in view is read, once the room has caught up. */
function readInView(state) {
  if (!isEndInView(state)) return state;
  return withRoom(state, state.open, (room) => (room.isSynced ? readToEnd(room, state.me?.id) : room));
}

const readerOf = (state, name) => {
  const isOpen = state.open === name;
  const blocks = (person) => isBlocked(state, person);
  return { meId: state.me?.id, isOpen, isEndInView: isOpen && isEndInView(state), blocks };
};

function withItem(state, item) {
  const room = state.rooms.get(item.room) ?? emptyRoom(item.room);
  const known = withPeople(state, [item.with]);
  const next = listed(room, item, { isOpen: state.open === item.room, meId: state.me?.id });
  return { ...known, rooms: new Map(known.rooms).set(item.room, withReadMarkers(next, item.marks ?? [])) };
}

/** Whoever is in a room does not wait for it any more. */
function withoutKnock(state, name) {
  const knocked = state.knocked.filter(({ room }) => room !== name);
  return knocked.length === state.knocked.length ? state : { ...state, knocked };
}

/** The server has told where this person is muted. */
const withoutGuess = (room) => (room.muted?.isGuess ? { ...room, muted: null } : room);

/** What `welcome` and `standing` tell of the server, and of this person's place on it. */
function standingOf({ mode = "open", quiet_until: quietUntil, new_until: newUntil, muted_until: mutedUntil }) {
  const ms = (at) => (at === undefined ? null : Date.parse(at));
  return { mode, quietUntil: ms(quietUntil), newUntil: ms(newUntil), muted: muteOf(mutedUntil) };
}

/** The server answers with a room's own name (lobby), whatever spelling was asked for (Lobby): what was kept by that is its. */
function withRoomCalled(state, asked, name) {
  const rooms = new Map(state.rooms);
  rooms.delete(asked);
  const room = rooms.get(name) ?? emptyRoom(name);
  rooms.set(name, state.open === asked ? opened(room, unreadFrom(state, name)) : room);
  const drafts = new Map(state.drafts);
  drafts.delete(asked);
  const draft = [state.drafts.get(name), state.drafts.get(asked)].filter(Boolean).join(" ");
  if (draft) drafts.set(name, draft);
  const outbox = state.outbox.map((entry) => (entry.room === asked ? { ...entry, room: name } : entry));
  const spellings = new Map(state.spellings).set(asked, name);
  return { ...state, rooms, drafts, outbox, spellings, open: state.open === asked ? name : state.open };
}

/** Somebody was blocked, or is no longer: what counts as unread may be other messages wherever there are any. */
function withBlock(state) {
  const changed = (room) => (room.isMember && room.lastMessage?.seq > room.read ? { ...room, unread: unread.withBlock(room.unread) } : room);
  return { ...state, rooms: new Map(Array.from(state.rooms, ([name, room]) => [name, changed(room)])) };
}

const removesMe = ({ me }, { type, on, person }) => type === "ban" && on && person === me?.id;

/** Whoever is removed from a room is told; the server takes it out of the list. */
function withRemovalNotice(state, { room: name, seq, reason = "" }) {
  const room = state.rooms.get(name);
  if (!room) return state;
  const message = texts.modYouRemoved(room.title || room.name, reason);
  return { ...withRoom(state, name, (held) => ({ ...held, isBanned: true })), notices: [...state.notices, { id: `${name} ${seq}`, room: name, message }] };
}

export const roomReducers = {
  /** The list of rooms and the personal state, as they are now. All others follow (`more`), or are as they were (`partial`). */
  welcome(state, { frame }) {
    const names = new Set(frame.rooms.map(({ room }) => room));
    const isPart = Boolean(frame.more || frame.partial);
    const kept = Array.from(state.rooms).filter(([name]) => isPart || names.has(name) || name === state.open);
    const rooms = new Map(kept.map(([name, room]) => [name, { ...withoutGuess(room), isMember: isPart && room.isMember }]));
    const { public_url: publicUrl = null, network_url: networkUrl = null } = frame;
    const requests = requestsOf(frame.requests ?? [], state.requests);
    const mine = frame.mine ? mineOf(frame.mine) : state.mine;
    const hasRecovery = Boolean(frame.recovery);
    const retentionDays = frame.retention_days ?? 0;
    const {
      text_chars: textChars = 0, message_bytes: messageBytes = 0, file_bytes: fileBytes = 0, files = 0, files_left: filesLeft = Infinity,
    } = frame.about?.limits ?? {};
    const limits = { textChars, messageBytes, fileBytes, files, filesLeft, hasPreviews: frame.about?.previews };
    const pageVersion = frame.about?.page ?? null;
    const base = { ...state, publicUrl, networkUrl, limits, pageVersion, retentionDays, isListed: true, stamp: frame.stamp, lost: null, hasRecovery, rooms, requests, mine, standing: standingOf(frame) };
    const known = frame.rooms.reduce((next, { room }) => withoutKnock(next, room), withPeople(base, [frame.user]));
    return settled(frame.rooms.reduce(withItem, known));
  },

  olderMine: (state, { events }) => ({ ...state, mine: withOlderMine(state.mine, events) }),

  /** A room came into the list, or looks like this now. */
  roomAdded: (state, { item, stamp = state.stamp }) => ({ ...withItem(withoutKnock(withoutRequest(state, item.room), item.room), item), stamp }),

  /** What is unread was asked for in vain. */
  recounted: (state, { room }) => withRoom(state, room, (held) => ({ ...held, unread: { ...held.unread, isStale: false } })),

  roomRemoved(state, { name }) {
    if (!state.rooms.has(name)) return state;
    const rooms = new Map(state.rooms);
    // A public room may stay open after leaving it.
    if (name === state.open) rooms.set(name, { ...rooms.get(name), isMember: false });
    else rooms.delete(name);
    return settled({ ...state, rooms });
  },

  /** A room that is not there for this person after all. */
  roomGone(state, { name }) {
    const rooms = new Map(state.rooms);
    rooms.delete(name);
    return settled({ ...withoutRequest(state, name), rooms });
  },

  /** There is no such room; `reason`: why there cannot be one of this name, or null. */
  missing: (state, { name, reason }) => withRoom(state, name, (room) => ({ ...room, isSynced: true, isMissing: true, missingReason: reason })),

  /** Somebody asks this person into a conversation. */
  requested: (state, { item }) => withRequests(withPeople(state, [item.with]), [item], { areAll: false }),

  /** A request was accepted or declined. */
  answered: (state, { room }) => withoutRequest(state, room),

  /** All requests there are. */
  requests: (state, { items }) => withRequests(withPeople(state, items.map((item) => item.with)), items, { areAll: true }),

  /** Open another room. What of it is in view, its view says then (`viewed`). */
  opened(state, { name }) {
    if (name === state.open) return state;
    const left = withRoom(state, state.open, closed);
    const room = left.rooms.get(name) ?? emptyRoom(name);
    const rooms = new Map(left.rooms).set(name, opened(room, unreadFrom(state, name)));
    if (!rooms.get(state.open)?.isMember) rooms.delete(state.open); // it was only visited
    return { ...left, rooms, open: name, view: { ...state.view, isAtBottom: false } };
  },

  /** The answer to a join; `asked` is the room's name as it was asked for. */
  joined(before, { frame, asked = frame.room, isFresh = false }) {
    const state = asked === frame.room ? before : withRoomCalled(before, asked, frame.room);
    if (frame.room === state.mine.room) return settled({ ...state, mine: joinedMine(state.mine, frame) });
    return readInView(settled(withRoom(state, frame.room, (room) => joined(room, frame, { isFresh }))));
  },

  event(state, { frame }) {
    const isOwn = frame.from !== undefined && frame.from === state.me?.id;
    const told = isOwn ? { ...state, outbox: without(state.outbox, frame.id) } : state;
    if (frame.room === state.mine.room) {
      const mine = settled({ ...told, mine: withMineEvent(state.mine, frame) });
      return frame.type === "block" ? withBlock(mine) : mine;
    }
    const next = settled(withRoom(told, frame.room, (room) => withEvent(room, frame, readerOf(state, frame.room))));
    return removesMe(state, frame) ? withRemovalNotice(next, frame) : next;
  },

  loading: (state, { room, way }) => withRoom(state, room, (held) => loading(held, way)),

  /** A page of history did not come. */
  historyFailed: (state, { room }) => withRoom(state, room, withoutLoadingWindows),

  history: (state, { frame, asked }) =>
    withRoom(state, frame.room, (room) => withPage(room, { ...frame, upto: frame.upto ?? room.last }, asked, state.me?.id)),

  fetched: (state, { frame, seqs }) => withRoom(state, frame.room, (room) => withFetched(room, frame, seqs, state.me?.id)),

  /** What a search found: from now on it is folded like all else. */
  found: (state, { events }) => events.reduce((next, event) => withRoom(next, event.room, (room) => withFound(room, event)), state),

  info: (state, { frame }) =>
    withRoom(withPeople(state, peopleIn(frame)), frame.room, (room) => withInfo(room, frame)),

  reports: (state, { frame }) =>
    withRoom(state, frame.room, (room) => withReports(room, frame)),

  /** How the server is run now, and what that means for this person. */
  standing(state, { frame }) {
    const rooms = new Map(Array.from(state.rooms, ([name, room]) => [name, withoutGuess(room)]));
    return { ...state, rooms, standing: standingOf(frame) };
  },

  members: (state, { frame }) =>
    withRoom(withPeople(state, frame.members ?? []), frame.room, (room) => withMoreMembers(room, frame)),

  watching(state, { frame }) {
    const known = withPeople(state, frame.here ?? []);
    const { marks = [], here = [], count = here.length } = frame;
    return withRoom(known, frame.room, (room) =>
      withPresence({ ...withReadMarkers(room, marks, state.me?.id, true), here: null }, { came: here, count }));
  },

  presence: (state, { frame }) =>
    withRoom(withPeople(state, frame.came ?? []), frame.room, (room) => withPresence(room, frame)),

  readMarkers: (state, { frame }) => withRoom(state, frame.room, (room) => withReadMarkers(room, frame.marks, state.me?.id)),

  typing: (state, { frame, until }) => withRoom(state, frame.room, (room) => withTyping(room, { ...frame.person, what: frame.what ?? "text" }, until)),

  /** Time has passed: who has stopped typing? */
  expired: (state, { now }) =>
    Array.from(state.rooms.keys()).reduce((next, name) => withRoom(next, name, (room) => withoutEndedTyping(room, now)), state),

  people: (state, { people }) => withPeople(state, people),

  /** This person hides being here, and so does not see it of others. */
  presenceHidden: (state) =>
    withPeople(state, Array.from(state.people.values(), ({ here: _, seen: _seen, ...user }) => user)),

  /** Jump to a message: it is held, or its page is on the way. */
  jumped: (state, { room, seq, at }) =>
    withRoom(state, room, (held) => {
      const isLive = held.live.first <= seq;
      return { ...held, goal: { seq, at }, detached: isLive ? null : held.detached };
    }),

  /** Back to the newest messages. */
  toLatest: (state, { room }) =>
    withRoom(state, room, (held) => (held.detached || held.goal ? { ...held, detached: null, goal: null } : held)),

  /** What is in view. */
  viewed(state, { isAtBottom = state.view.isAtBottom, isVisible = state.view.isVisible }) {
    if (isAtBottom === state.view.isAtBottom && isVisible === state.view.isVisible) return state;
    return readInView({ ...state, view: { isAtBottom, isVisible } });
  },
};
