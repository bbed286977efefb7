import assert from "node:assert/strict";
import { test } from "node:test";

import { copyAt, lastMessageOf, messageNow } from "../../static/js/core/copies.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { texts } from "../../static/js/core/texts.js";

const AT = "2026-11-22T21:00:00.000Z";
const ME = { id: "p-me", name: "Ada", hasChosenName: true };
const message = (seq, more = {}) => ({ type: "message", room: "lobby", seq, id: `b${seq}`, from: "p-bob", name: "Bob", text: `text ${seq}`, at: AT, ...more });
const event = (frame) => ({ type: "event", frame });
const change = (type, seq, target, more = {}) => event({ type, room: "lobby", seq, target, from: "p-bob", name: "Bob", at: AT, ...more });
const mine = { room: "~p-me", head: 0, epoch: "m", events: [] };
const welcome = (...rooms) => ({ type: "welcome", frame: { user: ME, rooms: rooms.map((room) => ({ epoch: "e", kind: "public", ...room })), mine } });
const joined = (after, head) => ({ type: "joined", isFresh: true, frame: { room: "lobby", after, head, epoch: "e", reset: false } });
const queued = (entry) => ({ type: "queued", entry: { room: "lobby", at: 0, ...entry } });

const after = (...actions) =>
  [{ type: "me", me: ME }, { type: "restored", entries: [] }, welcome({ room: "lobby", head: 0 }), ...actions].reduce(reduce, initialState("lobby"));
const lineOf = (state, seq) => copyAt(state, "lobby", seq).line;

test("a copy says what the message says now, with what waits in the outbox", () => {
  const state = after(joined(0, 2), event(message(1)), event(message(2, { from: "p-me" })));
  assert.equal(lineOf(state, 1), "text 1");
  assert.equal(copyAt(state, "lobby", 2).who, texts.you);
  assert.equal(lineOf(reduce(state, change("edit", 3, 1, { text: "changed" })), 1), "changed");
  assert.equal(lineOf(reduce(state, queued({ id: "c1", command: "edit", target: 2, text: "soon" })), 2), "soon");
  assert.equal(lineOf(reduce(state, queued({ id: "c1", command: "delete", target: 2 })), 2), texts.talkDeleted);
});

test("of what was deleted, hidden, written by somebody blocked, or lost with its room, nothing is left", () => {
  const state = after(joined(0, 1), event(message(1)));
  const hidden = reduce(state, queued({ id: "c1", command: "mine", what: "hide", target: 1, on: true }));
  const blocked = reduce(state, queued({ id: "c1", command: "mine", what: "block", person: "p-bob", on: true }));
  const lost = reduce(state, { type: "roomGone", name: "lobby" });
  assert.equal(lineOf(reduce(state, change("delete", 2, 1)), 1), texts.talkDeleted);
  assert.equal(messageNow(hidden, "lobby", 1), null);
  assert.deepEqual([copyAt(blocked, "lobby", 1).isShown, lineOf(blocked, 1)], [false, texts.talkBlocked(1)]);
  assert.equal(messageNow(lost, "lobby", 1), null);
  assert.ok(![hidden, blocked, lost].some((one) => lineOf(one, 1).includes("text")));
});

test("what a search found is folded from then on, and after the changes that were heard before its answer", () => {
  const heard = after(joined(10, 12), change("edit", 11, 3, { text: "newer" }), change("delete", 12, 4));
  const found = reduce(heard, { type: "found", events: [message(3), message(4), message(5)] });
  assert.deepEqual([3, 4, 5].map((seq) => lineOf(found, seq)), ["newer", texts.talkDeleted, "text 5"]);
  const later = [change("edit", 13, 5, { text: "five" }), change("delete", 14, 3)].reduce(reduce, found);
  assert.deepEqual([3, 5].map((seq) => lineOf(later, seq)), [texts.talkDeleted, "five"]);
});

test("what is known of messages outside the log stays when another room is opened, and is bounded", () => {
  const events = Array.from({ length: 1_200 }, (_, index) => message(index + 1));
  const found = [joined(2_000, 2_000), { type: "found", events }, { type: "opened", name: "garden" }].reduce(reduce, after());
  assert.equal(lineOf(found, 1_200), "text 1200");
  assert.equal(found.rooms.get("lobby").fetched.size, 1_000);
  assert.equal(copyAt(found, "lobby", 1).message, undefined, "it is asked for again");
});

test("the last line of a room has the newest edit, what waits, and nothing that is hidden", () => {
  const last = { last: message(9), last_edit: { type: "edit", room: "lobby", seq: 10, target: 9, from: "p-bob", name: "Bob", at: AT, text: "newest" } };
  const state = [welcome({ room: "lobby", head: 10, ...last }), joined(10, 10)].reduce(reduce, after());
  const lineIn = (one) => lastMessageOf(one, one.rooms.get("lobby"))?.text;
  assert.equal(lineIn(state), "newest");
  assert.equal(lineIn(reduce(state, change("edit", 11, 9, { text: "newer still" }))), "newer still");
  assert.equal(lineIn(reduce(state, queued({ id: "c1", command: "send", text: "on its way" }))), "on its way");
  const hidden = reduce(state, queued({ id: "c2", command: "mine", what: "hide", target: 9, on: true }));
  assert.equal(lineIn(hidden), undefined);
  const two = [event(message(11)), event(message(12)), queued({ id: "c3", command: "mine", what: "hide", target: 12, on: true })].reduce(reduce, state);
  assert.equal(lineIn(two), "text 11");
});
