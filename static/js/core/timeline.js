/**
 * What stands in the log from top to bottom: messages in groups, day dividers, the "new messages" mark, and at the
 * end what is still waiting to be sent. Pure.
 */
import { dayLabel, dayNumber } from "./time.js";

const GROUP_GAP_MS = 5 * 60 * 1000; // after a pause of that length somebody begins anew

/**
 * @param {object} state see state.js
 * @param {number} nowMs decides what "today" is
 * @returns {Array<object>} items `{kind: "day"|"mark"|"message", key, ...}`; an item with a key known from before is
 *   the same thing, perhaps changed
 */
export function timeline(state, nowMs) {
  const items = [];
  let day = null;
  let previous = null;
  for (const entry of entriesOf(state)) {
    const entryDay = dayNumber(entry.atMs);
    if (entryDay !== day) {
      items.push({ kind: "day", key: `day:${entryDay}`, label: dayLabel(entry.atMs, nowMs), atMs: entry.atMs });
      previous = null;
    }
    if (entry.seq !== null && entry.seq === state.room.markSeq) {
      items.push({ kind: "mark", key: "mark" });
      previous = null;
    }
    const isFirst = !(previous && belongTogether(previous, entry));
    if (previous && !isFirst) previous.isLast = false;
    previous = { ...entry, isFirst, isLast: true };
    items.push(previous);
    day = entryDay;
  }
  return items;
}

function* entriesOf({ me, room, outbox }) {
  const messages = room.messages;
  let latestMs = 0;
  for (const message of messages) {
    const isOwn = message.from === me?.id;
    latestMs = Date.parse(message.at);
    yield {
      kind: "message",
      // One's own message keeps its key when it comes back from the server, so its element only changes its look.
      key: isOwn && message.id ? `own:${message.id}` : `${room.epoch}:${message.seq}`,
      seq: message.seq,
      from: message.from,
      name: message.name,
      text: message.text,
      atMs: latestMs,
      isOwn,
      status: isOwn ? "sent" : null,
    };
  }
  for (const entry of outbox) {
    yield {
      kind: "message",
      key: `own:${entry.id}`,
      seq: null,
      from: me?.id ?? "",
      name: me?.name ?? "",
      text: entry.text,
      atMs: Math.max(entry.at, latestMs), // this device's clock may be behind the server's
      isOwn: true,
      status: entry.status,
    };
  }
}

function belongTogether(one, other) {
  const bySame = one.isOwn === other.isOwn && (one.isOwn || (one.from === other.from && one.name === other.name));
  return bySame && other.atMs - one.atMs < GROUP_GAP_MS;
}
