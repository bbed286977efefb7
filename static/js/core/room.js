/**
 * What the page knows of one room, as a pure function of the frames it heard.
 *
 * `live` is the piece of the log that ends at `last`, the newest event heard and the place to resume from. `head` is
 * where the log stood when the room was joined; until `last` reaches it the page is still catching up. `detached` is the
 * piece around an old message that the reader jumped to. What the list of rooms shows (title, last line, counts) is true
 * up to number `listedTo`, and events beyond it are folded on top.
 */
import { changed, isChange, messageOf } from "./message.js";
import * as unread from "./unread.js";
import {
  appended, atRest, emptyWindow, eventAt, folded, merged, newest, touches, withChange, withNewer, withOlder,
} from "./window.js";

/** How many events stay of a room when its newest are in view, and when it is not open. */
export const HELD_AT_BOTTOM = 400;
export const HELD_IN_BACKGROUND = 60;
const TRIM_SLACK = 100; // trim in steps, not one by one
const RECENT = 500; // changes remembered for pages that come late
const CAUGHT_UP_ANEW = 500; // a room in the background that missed more than that begins afresh

/** @returns {object} a room of which nothing is known yet */
export function emptyRoom(name) {
  return {
    name,
    kind: name.startsWith("~") ? "private" : "public",
    title: "",
    topic: "",
    owner: null,
    with: null,
    members: null,
    isMember: false,
    epoch: null,
    head: 0,
    last: 0,
    isSynced: false,
    live: emptyWindow(0),
    detached: null,
    recent: { from: 0, changes: [] },
    listedTo: 0,
    lastMessage: null,
    activeAt: 0,
    read: 0,
    delivered: 0,
    unread: unread.NOTHING,
    divider: null,
    marks: new Map(),
    here: null,
    typing: [],
    info: null,
    fetched: new Map(),
    goal: null,
  };
}

/** Where to resume: null when nothing is held. */
export const cursorOf = (room) => (room.epoch === null ? null : { seq: room.last, epoch: room.epoch });

/** Whether this event does not follow the last one: something is missing, and only resuming heals that. */
export const isGap = (room, event) => event.seq > room.last + 1;

/** The piece of the log that is on the screen. */
export const shownWindow = (room) => room.detached ?? room.live;

/**
 * The room as the list of rooms tells it, at number `item.head`.
 * @param {{isOpen: boolean, meId: string}} reader
 */
export function listed(room, item, { isOpen, meId }) {
  if (room.isMember && room.epoch === item.epoch && item.head < room.last) {
    // It was told before what has been heard meanwhile.
    return { ...room, kind: item.kind || room.kind, owner: item.owner ?? null, with: item.with?.id ?? null };
  }
  const lastMessage = item.last?.type === "message" ? messageOf(item.last, item.head) : null;
  const isOthers = lastMessage !== null && lastMessage.from !== meId;
  const told = {
    ...room,
    kind: item.kind || room.kind,
    title: item.title ?? "",
    topic: item.topic ?? "",
    owner: item.owner ?? null,
    with: item.with?.id ?? null,
    members: item.members ?? null,
    isMember: true,
    listedTo: item.head,
    lastMessage,
    activeAt: lastMessage?.atMs ?? room.activeAt,
    read: item.read ?? 0,
    delivered: Math.max(item.delivered ?? 0, isOthers ? lastMessage.seq : 0),
    unread: unread.counted(item.unread, item.mentions),
  };
  // What was read here a moment ago may not have got around to the server yet.
  const next = room.epoch === item.epoch ? readUpTo(told, room.read, meId) : told;
  // The open room is joined for itself, with its own answer. The others are followed from what is held of them.
  if (isOpen) return { ...next, divider: next.divider ?? firstUnread(next) };
  const isFar = item.head - room.last > CAUGHT_UP_ANEW;
  return room.epoch === item.epoch && !isFar ? next : { ...startedAfter(next, item.head, item.epoch), head: item.head };
}

/** Throw away what is held of the log, and go on behind number `after` of `epoch`. */
function startedAfter(room, after, epoch) {
  return {
    ...room,
    epoch,
    last: after,
    live: emptyWindow(after),
    detached: null,
    recent: { from: after, changes: [] },
    marks: room.epoch === epoch ? room.marks : new Map(),
    divider: room.epoch === epoch ? room.divider : null,
    info: null,
    fetched: new Map(),
    goal: null,
  };
}

/** The server's answer to joining: keep what is held when it goes on from there, else start afresh. */
export function joined(room, { epoch, head, after, reset }, { isFresh = false } = {}) {
  const goesOn = !reset && !isFresh && room.epoch === epoch && after <= room.last;
  const base = goesOn ? room : startedAfter(room, after, epoch);
  if (!base.isMember && isFresh) base.listedTo = head; // in a room that is only visited nothing is news yet
  return { ...resting(base), head, isSynced: base.last >= head };
}

/** Nothing that was asked for is under way any more. */
export function resting(room) {
  const live = atRest(room.live);
  const detached = atRest(room.detached);
  return live === room.live && detached === room.detached ? room : { ...room, live, detached };
}

/**
 * One event of the log. What was heard before changes nothing; of kinds unknown to this page only the number counts.
 * @param {{meId: string, isOpen: boolean, isWatched: boolean}} reader is the room open, and the end of it in view
 */
export function heard(room, event, reader) {
  if (event.seq !== room.last + 1) return room;
  const next = {
    ...room,
    last: event.seq,
    isSynced: room.isSynced || event.seq >= room.head,
    live: appended(room.live, event),
  };
  if (event.type === "message") hearMessage(next, event, reader);
  else hearOther(next, event);
  return trimmed(next, reader);
}

function hearMessage(room, event, { meId, isOpen, isWatched }) {
  const isOwn = event.from === meId;
  if (!isOwn) room.delivered = Math.max(room.delivered, event.seq);
  if (room.typing.length > 0) room.typing = room.typing.filter(({ id }) => id !== event.from);
  if (event.seq > room.listedTo) {
    room.lastMessage = messageOf(event);
    room.activeAt = room.lastMessage.atMs;
  }
  if (isOwn || isWatched) {
    Object.assign(room, readUpTo(room, event.seq, meId));
  } else if (event.seq > room.read && !event.deleted) {
    if (event.seq <= room.listedTo) return; // counted already
    if (isOpen) room.divider ??= event.seq - 1;
    room.unread = unread.withMessage(room.unread, event, meId);
  }
}

function hearOther(room, event) {
  const { from, changes } = room.recent;
  room.recent = changes.length < 2 * RECENT
    ? { from, changes: [...changes, event] }
    : { from: changes.at(-RECENT).seq, changes: [...changes.slice(1 - RECENT), event] };
  if (isChange(event)) {
    room.live = withChange(room.live, event);
    if (room.detached) room.detached = withChange(room.detached, event);
    const fetched = room.fetched.get(event.target);
    if (fetched) room.fetched = new Map(room.fetched).set(event.target, changed(fetched, event));
    if (room.lastMessage?.seq === event.target) room.lastMessage = changed(room.lastMessage, event);
    if (event.type === "delete") room.unread = unread.without(room.unread, event.target);
  } else if (event.seq > room.listedTo) {
    describe(room, event);
  }
  if (room.info && event.seq > room.info.upto) room.info = withInfoChange(room.info, event);
}

function describe(room, event) {
  if (event.type === "settings" || event.type === "created") {
    room.title = event.title ?? room.title;
    room.topic = event.topic ?? room.topic;
  }
  if (event.type === "created") {
    room.kind = event.kind;
    room.owner = event.from;
    room.activeAt = Math.max(room.activeAt, Date.parse(event.at));
  }
  if (event.type === "member" && room.members !== null) room.members += event.on ? 1 : -1;
}

function withInfoChange(info, event) {
  const upto = event.seq;
  const pins = () => info.pins.filter((seq) => seq !== event.target);
  if (event.type === "pin") return { ...info, upto, pins: event.on ? [...pins(), event.target] : pins() };
  if (event.type === "delete") return { ...info, upto, pins: pins() };
  if (event.type !== "member") return { ...info, upto };
  const others = info.members.filter(({ id }) => id !== event.person.id);
  const isThere = others.length < info.members.length;
  const change = event.on ? Number(!isThere) : -Number(isThere);
  const joined = isThere ? info.members : [...others, event.person];
  return { ...info, upto, count: info.count + change, members: event.on ? joined : others };
}

/** What is far above the view is let go; of a room in the background only the end is kept. */
function trimmed(room, { isOpen, isWatched }) {
  if (isOpen && !isWatched && !room.detached) return room;
  const limit = isOpen ? HELD_AT_BOTTOM : HELD_IN_BACKGROUND;
  if (room.live.events.length <= limit + TRIM_SLACK) return room;
  return { ...room, live: newest(room.live, limit) };
}

/** The number after which unread messages begin; null when there are none, or when one was never here. */
export function firstUnread(room) {
  return room.read > 0 && unread.countOf(room.unread) > 0 ? room.read : null;
}

/** The room comes on the screen. @param {number|null} markedFrom the message it was marked as unread from */
export function opened(room, markedFrom = null) {
  return { ...room, divider: markedFrom === null ? firstUnread(room) : markedFrom - 1 };
}

/** The room is not on the screen any more. */
export function closed(room) {
  return {
    ...room,
    live: newest(room.live, HELD_IN_BACKGROUND),
    detached: null,
    divider: null,
    goal: null,
    here: null,
    typing: [],
    fetched: new Map(),
  };
}

/** This person has read everything up to a number, here or on another device. */
export function readUpTo(room, seq, meId) {
  if (seq <= room.read) return room;
  const next = { ...room, read: Math.min(seq, Math.max(room.last, room.listedTo)) };
  next.unread = unread.readUpTo(room.unread, next, meId);
  return next;
}

/** The reader sees the end of the log: nothing is unread, and what is far above is let go. */
export function watched(room, meId) {
  return trimmed(readUpTo(room, room.last, meId), { isOpen: true, isWatched: true });
}

/** An answer from before the changes that are remembered cannot be brought up to date: it has to be asked for again. */
export const isStale = (room, { upto }) => upto < room.recent.from;

/** Which part of the log is asked for. @param {"before"|"after"|"around"} way */
export function loading(room, way) {
  const field = way === "before" ? "isLoadingOlder" : "isLoadingNewer";
  if (way === "around") return room;
  const piece = room.detached ? "detached" : "live";
  return { ...room, [piece]: { ...room[piece], [field]: true } };
}

/**
 * A page of history came.
 * @param {object} room
 * @param {{before?: number, after?: number, around?: number}} asked what it is the answer to
 */
export function paged(room, frame, asked) {
  if (isStale(room, frame)) return resting(room);
  const events = folded(frame, room.recent.changes);
  const from = frame.more ? (frame.events[0]?.seq ?? asked.before ?? 1) : 1;
  const last = frame.events.at(-1)?.seq;
  const to = frame.newer ? (last ?? asked.after) : Math.max(frame.upto, last ?? 0);
  if (asked.around !== undefined) return pagedAround(room, events, { from, to, ...frame });
  const piece = room.detached ? "detached" : "live";
  const window = room[piece];
  if (asked.before !== undefined) {
    // What it was asked for may have been let go meanwhile: then it would leave a hole.
    if (asked.before !== window.first) return resting(room);
    return { ...room, [piece]: withOlder(window, events, { from, hasOlder: frame.more }) };
  }
  if (!room.detached || asked.after !== window.last) return resting(room);
  return attached({ ...room, detached: withNewer(window, events, { to, hasNewer: frame.newer ?? false }) });
}

function pagedAround(room, events, { from, to, more, newer = false }) {
  const detached = { ...emptyWindow(from - 1), last: to, events, hasOlder: more, hasNewer: newer };
  return attached({ ...room, detached });
}

/** A detached piece that touches the live one becomes one with it. */
function attached(room) {
  const { detached, live } = room;
  if (detached.first >= live.first) return { ...room, detached: null };
  if (!touches(detached, live)) return { ...room, detached: { ...detached, hasNewer: true } };
  return { ...room, detached: null, live: merged(detached, live) };
}

/** Messages came that were asked for by number; those that are not among them are not there. */
export function fetched(room, frame, seqs) {
  if (isStale(room, frame)) return room;
  const known = new Map(room.fetched);
  for (const seq of seqs) known.set(seq, null);
  for (const event of folded(frame, room.recent.changes)) known.set(event.seq, event);
  return { ...room, fetched: known };
}

/** What is known of a number: what is held there, null for nothing, undefined when it has to be fetched. */
export function eventIn(room, seq) {
  return (room.detached && eventAt(room.detached, seq)) ?? eventAt(room.live, seq) ?? room.fetched.get(seq);
}

/** The answer to `info`. */
export function informed(room, frame) {
  if (isStale(room, frame)) return room;
  const { members = [], count = members.length, pins = [], upto } = frame;
  const info = room.recent.changes.reduce(
    (known, event) => (event.seq > known.upto ? withInfoChange(known, event) : known), { members, count, pins, upto },
  );
  const next = { ...room, info, owner: frame.owner ?? room.owner, members: room.kind === "public" ? room.members : info.count };
  if (room.isMember) return next;
  Object.assign(next, { title: frame.title ?? "", topic: frame.topic ?? "" }); // it is in no list
  for (const event of room.recent.changes) if (event.type === "settings" && event.seq > upto) describe(next, event);
  return next;
}

/** How far people are. @param {Array<{person: string, delivered: number, read: number}>} marks */
export function marked(room, marks, meId, isAll = false) {
  const known = isAll ? new Map() : new Map(room.marks);
  let next = room;
  for (const { person, delivered, read } of marks) {
    const before = known.get(person);
    known.set(person, {
      delivered: Math.max(delivered, before?.delivered ?? 0),
      read: Math.max(read, before?.read ?? 0),
    });
    if (person === meId) next = readUpTo(next, read, meId);
  }
  return { ...next, marks: known };
}

/** Who is here. */
export function present(room, { came = [], went = [], count }) {
  const news = came.map(({ id }) => id);
  const gone = new Set([...went, ...news]);
  const stayed = (room.here?.ids ?? []).filter((id) => !gone.has(id));
  return { ...room, here: { ids: [...stayed, ...news], count } };
}

/** Somebody writes something, until then unless more is heard. */
export function typed(room, person, until) {
  return { ...room, typing: [...room.typing.filter(({ id }) => id !== person.id), { ...person, until }] };
}

/** Who has stopped writing is forgotten. */
export function expired(room, nowMs) {
  const typing = room.typing.filter(({ until }) => until > nowMs);
  return typing.length === room.typing.length ? room : { ...room, typing };
}
