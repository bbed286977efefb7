/**
 * History of one room: windows of its log, the pages that fill them, and messages fetched by number. Pure.
 */
import { changed, isChange, messageOf } from "./message.js";
import { withoutLoading, emptyWindow, eventAt, folded, merged, touches, withNewer, withOlder } from "./window.js";

const MOST_FETCHED = 1_000; // of a room; those asked for first go first

/** The window of the log that is on the screen. */
export const shownWindow = (room) => room.detached ?? room.live;

/** The room without pages under way: they failed, or the connection is gone. */
export function withoutLoadingWindows(room) {
  const live = withoutLoading(room.live);
  const detached = withoutLoading(room.detached);
  return live === room.live && detached === room.detached ? room : { ...room, live, detached };
}

/** Whether an answer is older than the remembered changes: it cannot be brought up to date and has to be asked for again. */
export const isStale = (room, { upto }) => upto < room.recent.from;

/** A page is asked for. @param {"before"|"after"|"around"} way */
export function loading(room, way) {
  const field = way === "before" ? "isLoadingOlder" : "isLoadingNewer";
  if (way === "around") return room;
  const shown = room.detached ? "detached" : "live";
  return { ...room, [shown]: { ...room[shown], [field]: true } };
}

/**
 * The answer to `history`: a page of the log.
 * @param {object} room
 * @param {{before?: number, after?: number, around?: number}} asked what it is the answer to
 * @param {string} meId this person
 */
export function withPage(room, frame, asked, meId) {
  if (isStale(room, frame)) return withoutLoadingWindows(room);
  const events = folded(frame, room.recent.changes, meId);
  const from = frame.more ? (frame.events[0]?.seq ?? asked.before ?? 1) : 1;
  const last = frame.events.at(-1)?.seq;
  const to = frame.newer ? (last ?? asked.after) : Math.max(frame.upto, last ?? 0);
  if (asked.around !== undefined) return withPageAround(room, events, { from, to, ...frame });
  const shown = room.detached ? "detached" : "live";
  const window = room[shown];
  if (asked.before !== undefined) {
    // The window may have been trimmed since: the page would leave a hole.
    if (asked.before !== window.first) return withoutLoadingWindows(room);
    return { ...room, [shown]: withOlder(window, events, { from, hasOlder: frame.more }) };
  }
  if (!room.detached || asked.after !== window.last) return withoutLoadingWindows(room);
  return attached({ ...room, detached: withNewer(window, events, { to, hasNewer: frame.newer ?? false }) });
}

function withPageAround(room, events, { from, to, more, newer = false }) {
  const detached = { ...emptyWindow(from - 1), last: to, events, hasOlder: more, hasNewer: newer };
  return attached({ ...room, detached });
}

/** A detached window that touches the live one becomes one with it. */
function attached(room) {
  const { detached, live } = room;
  if (detached.first >= live.first) return { ...room, detached: null };
  if (!touches(detached, live)) return { ...room, detached: { ...detached, hasNewer: true } };
  return { ...room, detached: null, live: merged(detached, live) };
}

/** The answer to `fetch`: those of `seqs` that are not in it do not exist. */
export function withFetched(room, frame, seqs, meId) {
  if (isStale(room, frame)) return room;
  const known = new Map(room.fetched);
  for (const seq of seqs) known.set(seq, null);
  for (const event of folded(frame, room.recent.changes, meId)) known.set(event.seq, event);
  return { ...room, fetched: newestOf(known) };
}

/** A message that a search found: what it says, as told and after the changes heard since, without its reactions. */
export function withFound(room, event) {
  if (eventIn(room, event.seq)) return room;
  const changes = room.recent.changes.filter((one) => isChange(one) && one.target === event.seq);
  const message = changes.reduce((before, change) => changed(before, change), messageOf(event));
  return { ...room, fetched: newestOf(new Map(room.fetched).set(event.seq, message)) };
}

function newestOf(fetched) {
  if (fetched.size <= MOST_FETCHED) return fetched;
  return new Map(Array.from(fetched).slice(-MOST_FETCHED));
}

/** The event with this number: null if there is none to show, undefined if it has to be fetched. */
export function eventIn(room, seq) {
  return (room.detached && eventAt(room.detached, seq)) ?? eventAt(room.live, seq) ?? room.fetched.get(seq);
}
