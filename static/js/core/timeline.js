/**
 * The timeline: items of the log from top to bottom. Messages in groups, day dividers, the unread divider ("New
 * messages"), and at the end what waits in the outbox. Pure.
 */
import { isUnknown } from "./message.js";
import { isBlocked, openRoom, person, shown, tickOf } from "./select.js";
import { dayLabel, dayNumber } from "./time.js";

const GROUP_GAP_MS = 5 * 60 * 1000; // after a pause of that length a new group begins
const RUN_MS = 3 * 60 * 1000; // what was written within that time shows when once, at its end
const UNSETTLED = new Set(["waiting", "failed"]); // each says so

/**
 * @param {object} state see state.js
 * @param {number} nowMs decides what "today" is
 * @param {Set<string>} [revealed] keys of messages of blocked people that are shown all the same
 * @returns {Array<object>} items `{kind: "day"|"unread"|"note"|"blocked"|"message", key, ...}`; an item with a key known
 *   from before is the same thing, perhaps changed
 */
export function timeline(state, nowMs, revealed = new Set()) {
  const room = openRoom(state);
  const items = [];
  let day = null;
  let previous = null;
  let runMs = 0; // when the messages began of which none shows its time yet
  let isUnreadPlaced = room.divider === null;
  for (const entry of entriesOf(state, room)) {
    const entryDay = dayNumber(entry.atMs);
    if (entryDay !== day) {
      items.push({ kind: "day", key: `day:${entryDay}`, label: dayLabel(entry.atMs, nowMs), atMs: entry.atMs });
      previous = null;
    }
    if (entry.kind === "message" && !entry.isOwn && !revealed.has(entry.key) && isBlocked(state, entry.from)) {
      const last = items.at(-1);
      if (last.kind === "blocked") items[items.length - 1] = { ...last, count: last.count + 1, keys: `${last.keys}\n${entry.key}` };
      else items.push({ kind: "blocked", key: `blocked:${entry.key}`, count: 1, keys: entry.key, atMs: entry.atMs });
      day = entryDay;
      previous = null;
      continue;
    }
    if (!isUnreadPlaced && entry.kind === "message" && !entry.isOwn && entry.seq > room.divider) {
      items.push({ kind: "unread", key: "unread" });
      previous = null;
      isUnreadPlaced = true;
    }
    day = entryDay;
    if (entry.kind !== "message") {
      if (isUnknown(entry.event) && items.at(-1)?.event && isUnknown(items.at(-1).event)) continue; // one line for many
      items.push(entry);
      previous = null;
      continue;
    }
    const isFirst = !(previous && belongTogether(previous, entry));
    if (!isFirst) {
      previous.isLast = false;
      previous.hasTime = previous.status !== entry.status || UNSETTLED.has(entry.status) || entry.atMs - runMs >= RUN_MS;
    }
    if (isFirst || previous.hasTime) runMs = entry.atMs;
    previous = { ...entry, isFirst, isLast: true, hasTime: true };
    items.push(previous);
  }
  return items;
}

function* entriesOf(state, room) {
  const { me } = state;
  let latestMs = 0;
  for (const event of shown(state, room).events) {
    const isOwn = event.from === me?.id;
    if (event.type === "damaged") continue;
    // This device's clock may be behind the server's.
    latestMs = event.seq === null ? Math.max(event.atMs, latestMs) : (event.atMs ?? Date.parse(event.at)) || latestMs;
    // An own message keeps its key when its event comes back, so its element only changes its look.
    const key = event.seq === null || (isOwn && event.id) ? `own:${event.id}` : `${room.epoch}:${event.seq}`;
    if (event.type !== "message") {
      yield { kind: "note", key, seq: event.seq, event, atMs: latestMs };
      continue;
    }
    yield {
      kind: "message",
      key,
      seq: event.seq,
      from: event.from,
      name: person(state, event.from, event.name).name,
      text: event.text,
      atMs: latestMs,
      isOwn: isOwn || event.seq === null,
      status: tickOf(state, room, event) ?? event.status ?? null,
      message: event,
    };
  }
}

function belongTogether(one, other) {
  const bySame = one.isOwn === other.isOwn && (one.isOwn || (one.from === other.from && one.name === other.name));
  return bySame && other.atMs - one.atMs < GROUP_GAP_MS;
}
