import assert from "node:assert/strict";
import { test } from "node:test";

import { Items } from "../../static/js/core/items.js";
import { messageOf } from "../../static/js/core/message.js";
import { missingPeople } from "../../static/js/core/select.js";
import { initialState } from "../../static/js/core/state.js";
import { texts } from "../../static/js/core/texts.js";
import { dayLabel, dayNumber } from "../../static/js/core/time.js";
import { timeline } from "../../static/js/core/timeline.js";

const NOW = new Date(2026, 10, 22, 21, 0).getTime(); // local time: days are those of the reader
const MINUTE = 60_000;

function stateWith(messages, { outbox = [], divider = null } = {}) {
  const state = initialState("lobby");
  const room = state.rooms.get("lobby");
  const events = messages.map(([from, minutesAgo], index) => messageOf({
    type: "message", seq: index + 1, id: `c${index}`, from, name: from, text: "x", at: new Date(NOW - minutesAgo * MINUTE).toISOString(),
  }));
  return {
    ...state,
    me: { id: "p-me", name: "Ada" },
    rooms: new Map([["lobby", { ...room, epoch: "e", divider, live: { ...room.live, events } }]]),
    outbox: outbox.map((entry) => ({ command: "send", room: "lobby", ...entry })),
  };
}

const shape = (items) =>
  items.map((item) => (item.kind === "message" ? `${item.isFirst ? "<" : ""}${item.from}${item.isLast ? ">" : ""}` : item.kind));

test("messages of one person are a group until another person, a pause or a new day", () => {
  const items = timeline(stateWith([["bob", 2000], ["bob", 30], ["bob", 20], ["bob", 19], ["eve", 18], ["bob", 17]]), NOW);
  assert.deepEqual(shape(items), ["day", "<bob>", "day", "<bob>", "<bob", "bob>", "<eve>", "<bob>"]);
});

test("messages of one person within three minutes show their time once, at the end; what waits or failed shows it always", () => {
  const timed = (items) => items.filter(({ kind }) => kind === "message").map(({ hasTime }) => hasTime);
  const state = stateWith([["bob", 30], ["bob", 29], ["bob", 28], ["bob", 26], ["bob", 25], ["eve", 24.5], ["bob", 24]]);
  assert.deepEqual(timed(timeline(state, NOW)), [false, false, true, false, true, true, true]);
  const waiting = (id, status) => ({ id, text: "x", at: NOW, status });
  const own = stateWith([["p-me", 1], ["p-me", 0]], { outbox: [waiting("w1", "failed"), waiting("w2", "waiting"), waiting("w3", "waiting")] });
  assert.deepEqual(timed(timeline(own, NOW)), [false, true, true, true, true]);
  const room = own.rooms.get("lobby");
  const read = { ...own, outbox: [], rooms: new Map([["lobby", { ...room, readMarkers: new Map([["p-b", { delivered: 1, read: 1 }]]) }]]) };
  assert.deepEqual(timed(timeline(read, NOW)), [true, true], "the first was read, the second was not");
});

test("the unread divider stands before the first new message and begins a group", () => {
  const items = timeline(stateWith([["bob", 3], ["bob", 2], ["bob", 1]], { divider: 1 }), NOW);
  assert.deepEqual(shape(items), ["day", "<bob>", "unread", "<bob", "bob>"]);
});

test("waiting messages come last, even when this device's clock is behind", () => {
  const entry = { id: "w1", text: "x", at: NOW - 3_000 * MINUTE, status: "waiting" };
  const items = timeline(stateWith([["p-me", 1]], { outbox: [entry] }), NOW);
  assert.deepEqual(shape(items), ["day", "<p-me", "p-me>"]);
  assert.equal(items.at(-1).status, "waiting");
});

test("an own message keeps its key when it comes back from the server", () => {
  const waiting = timeline(stateWith([], { outbox: [{ id: "c0", text: "x", at: NOW, status: "waiting" }] }), NOW);
  const logged = timeline(stateWith([["p-me", 0]]), NOW);
  assert.equal(waiting.at(-1).key, logged.at(-1).key);
});

test("what blocked people wrote is one line for each stretch, until it is revealed", () => {
  const event = { type: "block", of: "eve", on: true };
  const blocking = (messages) => {
    const state = stateWith(messages, { divider: 0 });
    return { ...state, mine: { ...state.mine, current: new Map([["block eve", event]]) } };
  };
  const state = blocking([["eve", 9], ["eve", 8], ["bob", 7], ["eve", 6], ["p-me", 5]]);
  const items = timeline(state, NOW);
  assert.deepEqual(shape(items), ["day", "blocked", "unread", "<bob>", "blocked", "<p-me>"]);
  assert.deepEqual(items.filter(({ kind }) => kind === "blocked").map(({ count }) => count), [2, 1]);
  const revealed = new Set(items[1].keys.split("\n"));
  assert.deepEqual(shape(timeline(state, NOW, revealed)), ["day", "unread", "<eve", "eve>", "<bob>", "blocked", "<p-me>"]);
});

test("keys are unique, whatever ids other people choose", () => {
  const keys = timeline(stateWith([["bob", 3], ["p-me", 2], ["bob", 1]]), NOW).map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
});

test("a day is named relative to today, or by its date", () => {
  const daysAgo = (days) => new Date(2026, 10, 22 - days, 12).getTime();
  assert.equal(dayLabel(daysAgo(0), NOW), texts.today);
  assert.equal(dayLabel(daysAgo(1), NOW), texts.yesterday);
  assert.equal(dayLabel(daysAgo(3), NOW), new Intl.DateTimeFormat(undefined, { weekday: "long" }).format(daysAgo(3)));
  assert.ok(!dayLabel(daysAgo(30), NOW).includes("2026"));
  assert.ok(dayLabel(daysAgo(700), NOW).includes("2024"));
});

test("days are numbered without a gap across daylight saving time", () => {
  for (let day = 1; day < 400; day += 1) {
    assert.equal(dayNumber(new Date(2026, 0, day, 0, 30)) + 1, dayNumber(new Date(2026, 0, day + 1, 23, 30)));
  }
});

test("what only a newer page understands is one line, however strange it is", () => {
  const state = stateWith([["bob", 3], ["bob", 1]]);
  const strange = [
    { type: "vote", from: "p-b", name: "Bob", at: new Date(NOW).toISOString(), target: 1 },
    { type: "constructor", reactions: {}, mentions: "x", person: {}, replyTo: null },
    { type: "__proto__", at: "soon" },
  ].map((event, index) => ({ room: "lobby", seq: index + 3, ...event }));
  const known = { type: "mode", room: "lobby", seq: 6, from: "p-b", name: "Bob", at: new Date(NOW).toISOString(), mode: { new: "word" } };
  const room = state.rooms.get("lobby");
  const events = [...room.live.events, ...strange, known];
  state.rooms.set("lobby", { ...room, live: { ...room.live, events } });
  const items = new Items().of(state, NOW);
  assert.deepEqual(shape(items), ["day", "<bob", "bob>", "note", "note"]);
  assert.equal(items.at(-2).text, texts.noteUnknown);
  assert.deepEqual(missingPeople(state, state.rooms.get("lobby")), ["bob", "p-b"]);
});
