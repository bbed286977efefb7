/**
 * A window: a gapless part of a room's log, from number `first` to number `last`. `events` has messages and notes in
 * order; the numbers between belong to changes, which are folded into the messages. Pure.
 */
import { changed, heldOf, isChange, isHeld, withReactions } from "./message.js";

/** @returns {object} an empty window that begins behind number `after` */
export function emptyWindow(after) {
  return {
    first: after + 1,
    last: after,
    events: [],
    hasOlder: after > 0,
    hasNewer: false,
    isLoadingOlder: false,
    isLoadingNewer: false,
  };
}

/** The event with this number, or undefined. */
export function eventAt(window, seq) {
  const { events } = window;
  const index = placeOf(events, seq);
  return events[index]?.seq === seq ? events[index] : undefined;
}

/** The index of the first event with this number or a greater one. */
export function placeOf(events, seq) {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The next event of the log, which follows `last`. */
export function appended(window, event) {
  const next = { ...window, last: event.seq };
  if (isHeld(event)) next.events = [...window.events, heldOf(event, event.seq)];
  return next;
}

/** The window after a change to one of its messages. @param {string} meId this person */
export function withChange(window, event, meId) {
  const index = placeOf(window.events, event.target);
  const message = window.events[index];
  if (message?.seq !== event.target) return window;
  const next = changed(message, event, meId);
  return next === message ? window : { ...window, events: put(window.events, index, next) };
}

function put(events, index, event) {
  const copy = [...events];
  copy[index] = event;
  return copy;
}

/**
 * The events of a page of history, after the changes that came with it and those heard since.
 * @param {{events: object[], changes?: object[], reactions?: object[], upto: number}} frame
 * @param {object[]} recent the last changes heard, ascending
 * @param {string} meId this person
 * @returns {object[]} the held events, by number
 */
export function folded({ events, changes = [], reactions = [], upto }, recent, meId) {
  const held = new Map();
  for (const event of events) if (isHeld(event)) held.set(event.seq, heldOf(event, event.seq));
  const apply = (change, to) => {
    const message = held.get(change.target);
    if (message) held.set(change.target, to(message, change, meId));
  };
  for (const change of changes) apply(change, changed);
  for (const one of reactions) apply(one, withReactions);
  for (const [seq, event] of held) {
    if (event.type === "message") held.set(seq, { ...event, rev: Math.max(event.rev, upto) });
  }
  for (const change of recent) if (isChange(change) && change.seq > upto) apply(change, changed);
  return Array.from(held.values()).sort((a, b) => a.seq - b.seq);
}

/** The window with an older page put before it: everything from `from` on. */
export function withOlder(window, events, { from, hasOlder }) {
  const older = events.slice(0, placeOf(events, window.first));
  return {
    ...window,
    first: Math.min(window.first, from),
    events: [...older, ...window.events],
    hasOlder,
    isLoadingOlder: false,
  };
}

/** The window with a newer page put behind it: everything up to `to`. */
export function withNewer(window, events, { to, hasNewer }) {
  const newer = events.slice(placeOf(events, window.last + 1));
  return {
    ...window,
    last: Math.max(window.last, to),
    events: [...window.events, ...newer],
    hasNewer,
    isLoadingNewer: false,
  };
}

/** Whether two windows, the older one first, touch or overlap, and so can be merged. */
export const touches = (older, newer) => older.last + 1 >= newer.first && older.first <= newer.first;

/** Two windows that touch, merged. The newer one's messages win. */
export function merged(older, newer) {
  return withOlder(newer, older.events, { from: older.first, hasOlder: older.hasOlder });
}

/** The window with only its newest `count` events. */
export function newest(window, count) {
  if (window.events.length <= count) return window;
  const events = count > 0 ? window.events.slice(-count) : [];
  return { ...window, events, first: events[0]?.seq ?? window.last + 1, hasOlder: true };
}

/** The window without pages under way: they failed, or the connection is gone. */
export function withoutLoading(window) {
  if (!window || !(window.isLoadingOlder || window.isLoadingNewer)) return window;
  return { ...window, isLoadingOlder: false, isLoadingNewer: false };
}
