/**
 * One room, as a pure function of the frames heard of it.
 *
 * `live` is the window of the log that ends at `last`, the newest event heard: the cursor to resume from, with the server's
 * `proof` that it was heard. `head` is where the log ended when the room was joined; until `last` reaches it the page is
 * still catching up. `detached` is the window around an old message that the reader jumped to. What the list of rooms
 * tells (title, last message, counts) is true up to number `listedTo`, and later events are folded on top.
 */
import { HOME } from "./home.js";
import { changed, isChange, messageOf } from "./message.js";
import { withoutLoadingWindows } from "./room-history.js";
import { reportsAfter } from "./reports.js";
import { applySettings, endOf, withInfoChange } from "./room-info.js";
import * as unread from "./unread.js";
import { appended, emptyWindow, newest, withChange } from "./window.js";

/** How many events stay of a room when its newest are in view, and when it is not open. */
export const HELD_AT_BOTTOM = 400;
export const HELD_IN_BACKGROUND = 60;
const TRIM_SLACK = 100; // trim in steps, not one by one
const RECENT = 500; // changes remembered for pages that come late
const CAUGHT_UP_ANEW = 500; // a room in the background that missed more than that starts afresh

/** @returns {object} a room before anything was heard of it */
export function emptyRoom(name) {
  return {
    name,
    kind: name.startsWith("~") ? "private" : "public",
    title: "",
    topic: "",
    picture: null,
    owner: null,
    with: null,
    members: null,
    isMember: false,
    role: null,
    policy: {},
    muted: null,
    isBanned: false,
    slowUntil: 0,
    reports: null,
    epoch: null,
    head: 0,
    last: 0,
    proof: null,
    isSynced: false,
    isMissing: false,
    missingReason: null,
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
    readMarkers: new Map(),
    here: null,
    typing: [],
    info: null,
    fetched: new Map(),
    goal: null,
  };
}

/** What the list of rooms, or the server, tells of this person's mute; one for ever ends with the last second there is. */
export function muteOf(until) {
  if (until === undefined) return null;
  return { until: until.startsWith("9998-12-31") ? Infinity : Date.parse(until) };
}

/** The cursor to resume from: null when nothing is held. */
export const cursorOf = (room) =>
  room.epoch === null ? null : { after: room.last, epoch: room.epoch, proof: room.proof ?? undefined };

/** Whether events are missing before this one: then only resuming heals the gap. */
export const isGap = (room, event) => event.seq > room.last + 1;

/**
 * The room as the list of rooms tells it, at number `item.head`.
 * @param {{isOpen: boolean, meId: string}} reader
 */
export function listed(room, item, { isOpen, meId }) {
  if (room.isMember && room.epoch === item.epoch && item.head < room.last) {
    // The item is older than events heard since.
    return { ...room, kind: item.kind || room.kind, owner: item.owner ?? null, with: item.with?.id ?? null };
  }
  const lastMessage = lastOf(item);
  const isOthers = lastMessage !== null && lastMessage.from !== meId;
  const told = {
    ...room,
    kind: item.kind || room.kind,
    title: item.title ?? "",
    topic: item.topic ?? "",
    picture: item.picture ?? null,
    owner: item.owner ?? null,
    with: item.with?.id ?? null,
    members: item.members ?? null,
    role: item.role ?? null,
    policy: item.policy ?? {},
    muted: muteOf(item.muted_until),
    isMember: true,
    isMissing: false,
    listedTo: item.head,
    lastMessage,
    activeAt: lastMessage?.atMs ?? (Date.parse(item.active) || room.activeAt),
    read: item.read ?? 0,
    delivered: Math.max(item.delivered ?? 0, isOthers ? lastMessage.seq : 0),
    unread: unread.counted(item.unread, item.mentions),
  };
  // The server may not have this page's newest read marker yet.
  const next = room.epoch === item.epoch ? readUpTo(told, room.read, meId) : told;
  // The open room is joined, with an answer of its own. The others are followed from what is held of them.
  if (isOpen) return { ...next, divider: next.divider ?? firstUnread(next) };
  const isFar = item.head - room.last > CAUGHT_UP_ANEW;
  return room.epoch === item.epoch && !isFar ? next : { ...startedAfter(next, item.head, item.epoch), head: item.head };
}

/** The newest message as the list of rooms tells it, with its newest edit. */
function lastOf({ last, last_edit: edit, head }) {
  if (last?.type !== "message") return null;
  const message = messageOf(last);
  return { ...(edit ? changed(message, edit) : message), rev: head };
}

/** Drop what is held of the log, and go on behind number `after` of `epoch`. */
function startedAfter(room, after, epoch) {
  return {
    ...room,
    epoch,
    last: after,
    proof: null,
    live: emptyWindow(after),
    detached: null,
    recent: { from: after, changes: [] },
    readMarkers: room.epoch === epoch ? room.readMarkers : new Map(),
    // Before anything was held of a log the list of rooms told where it is; in another log it tells anew.
    divider: room.epoch === null || room.epoch === epoch ? room.divider : firstUnread(room),
    info: null,
    fetched: new Map(),
    goal: null,
  };
}

/** Whether nobody has made this room yet: the server lets everybody into a public one that has no event. */
const isNobodys = ({ name, isMember, head }) => head === 0 && !isMember && !name.startsWith("~") && name !== HOME;

/** The answer to a join: keep what is held if the log goes on from there, else start afresh. */
export function joined(room, { epoch, head, after, reset, proof = null }, { isFresh = false } = {}) {
  const goesOn = !reset && !isFresh && room.epoch === epoch && after <= room.last;
  const base = goesOn ? room : startedAfter(room, after, epoch);
  // In a room that is only visited nothing is news yet.
  if (!base.isMember && isFresh) base.listedTo = head;
  const known = base.last === after ? proof : base.proof;
  return { ...withoutLoadingWindows(base), proof: known, head, isSynced: base.last >= head, isMissing: isNobodys({ ...base, head }) };
}

/**
 * One event of the log. What was heard before changes nothing; of kinds unknown to this page only the number counts.
 * @param {{meId: string, isOpen: boolean, isEndInView: boolean, blocks?(person: string): boolean}} reader is the room
 *   open, and the end of its log in view; whom the reader blocks
 */
export function withEvent(room, event, reader) {
  if (event.seq !== room.last + 1) return room;
  const next = {
    ...room,
    last: event.seq,
    proof: event.proof ?? null,
    isSynced: room.isSynced || event.seq >= room.head,
    isMissing: false,
    live: appended(room.live, event),
  };
  if (!next.lastMessage && event.seq > next.listedTo) next.activeAt = Date.parse(event.at) || next.activeAt;
  if (event.type === "message") applyMessage(next, event, reader);
  else applyOther(next, event, reader);
  return trimmed(next, reader);
}

function applyMessage(room, event, { meId, isOpen, isEndInView, blocks = () => false }) {
  const isOwn = event.from === meId;
  if (isOwn && room.muted?.isGuess) room.muted = null;
  if (!isOwn) room.delivered = Math.max(room.delivered, event.seq);
  if (room.typing.length > 0) room.typing = room.typing.filter(({ id }) => id !== event.from);
  if (event.seq > room.listedTo) {
    room.lastMessage = messageOf(event);
    room.activeAt = room.lastMessage.atMs;
  }
  if (isOwn || isEndInView) {
    Object.assign(room, readUpTo(room, event.seq, meId));
  } else if (event.seq > room.read && !event.deleted && !blocks(event.from)) {
    if (event.seq <= room.listedTo) return; // counted already
    if (isOpen) room.divider ??= event.seq - 1;
    room.unread = unread.withMessage(room.unread, event, meId);
  }
}

function applyOther(room, event, { meId }) {
  const { from, changes } = room.recent;
  room.recent = changes.length < 2 * RECENT
    ? { from, changes: [...changes, event] }
    : { from: changes.at(-RECENT).seq, changes: [...changes.slice(1 - RECENT), event] };
  if (isChange(event)) {
    room.live = withChange(room.live, event, meId);
    if (room.detached) room.detached = withChange(room.detached, event, meId);
    const fetched = room.fetched.get(event.target);
    if (fetched) room.fetched = new Map(room.fetched).set(event.target, changed(fetched, event, meId));
    if (room.lastMessage?.seq === event.target) room.lastMessage = changed(room.lastMessage, event, meId);
    if (event.type === "delete" || event.type === "edit") room.unread = unread.withChange(room.unread, event, room, meId);
  } else if (event.seq > room.listedTo) {
    applySettings(room, event, meId);
  }
  if (event.type === "mute" && event.person === meId) room.muted = event.on ? { until: endOf(event) } : null;
  room.reports = reportsAfter(room.reports, event);
  if (event.type === "role" && event.person === meId) room.info = null; // moderators are told more
  if (room.info && event.seq > room.info.upto) room.info = withInfoChange(room.info, event);
}

/** Drop what is far above the view; of a room in the background keep only the end. */
function trimmed(room, { isOpen, isEndInView }) {
  if (isOpen && !isEndInView && !room.detached) return room;
  const limit = isOpen ? HELD_AT_BOTTOM : HELD_IN_BACKGROUND;
  if (room.live.events.length <= limit + TRIM_SLACK) return room;
  return { ...room, live: newest(room.live, limit) };
}

/** The number after which unread messages begin; null when there are none, or when nothing was ever read. */
export function firstUnread(room) {
  return room.read > 0 && unread.countOf(room.unread) > 0 ? room.read : null;
}

/** The room is opened. @param {number|null} markedFrom the message it was marked as unread from */
export function opened(room, markedFrom = null) {
  return { ...room, divider: markedFrom === null ? firstUnread(room) : markedFrom - 1 };
}

/** Another room is opened. */
export function closed(room) {
  return {
    ...room,
    live: newest(room.live, HELD_IN_BACKGROUND),
    detached: null,
    divider: null,
    goal: null,
    here: null,
    typing: [],
  };
}

/** This person has read everything up to a number, here or on another device. */
export function readUpTo(room, seq, meId) {
  if (seq <= room.read) return room;
  const next = { ...room, read: Math.min(seq, Math.max(room.last, room.listedTo)) };
  next.unread = unread.readUpTo(room.unread, next, meId);
  return next;
}

/** The reader sees the end of the log: nothing is unread. */
export function readToEnd(room, meId) {
  return trimmed(readUpTo(room, room.last, meId), { isOpen: true, isEndInView: true });
}
