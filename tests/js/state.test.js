import assert from "node:assert/strict";
import { test } from "node:test";

import { avatarOf, unreadOf } from "../../static/js/core/around.js";
import { firstFailed, nextToSend } from "../../static/js/core/outbox.js";
import { HELD_AT_BOTTOM, cursorOf, isGap } from "../../static/js/core/room.js";
import { openRoom } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";

const ME = { id: "p-me", name: "Ada", hasChosenName: true };
const AT = "2026-11-22T21:00:00.000Z";

const message = (seq, { from = "p-bob", id = `b${seq}`, text = `text ${seq}` } = {}) => ({
  type: "message", room: "lobby", seq, id, from, name: from, text, at: AT, proof: `proof of ${seq}`,
});
const event = (seq, options) => ({ type: "event", frame: message(seq, options) });
const joined = (after, head, { epoch = "e1", reset = false, isFresh = false } = {}) => ({
  type: "joined", isFresh, frame: { type: "joined", room: "lobby", after, head, epoch, reset, proof: `proof of ${after} in ${epoch}` },
});
const queued = (id, text = id) => ({ type: "queued", entry: { id, command: "send", room: "lobby", text, at: 0 } });
const restored = (...entries) => ({ type: "restored", entries });
const away = { type: "viewed", isAtBottom: false };

/** The state after these actions, each state frozen so that a reducer that changes one is caught. */
function after(...actions) {
  const start = [{ type: "me", me: ME }, restored(), ...actions];
  return start.reduce((state, action) => deepFreeze(reduce(state, action)), initialState("lobby"));
}

function deepFreeze(value) {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

const roomOf = openRoom;
const seqs = (state) => roomOf(state).live.events.map(({ seq }) => seq);

test("joining brings the latest page, and the room is in step when its head is reached", () => {
  const loading = after(joined(60, 62), event(61));
  assert.equal(roomOf(loading).isSynced, false);
  const done = reduce(loading, event(62));
  assert.equal(roomOf(done).isSynced, true);
  assert.equal(roomOf(done).live.hasOlder, true);
  assert.deepEqual(seqs(done), [61, 62]);
  assert.deepEqual(cursorOf(roomOf(done)), { after: 62, epoch: "e1", proof: "proof of 62" });
});

test("the cursor has the proof of its number, however it came to it", () => {
  const joins = after(joined(62, 62));
  assert.deepEqual(cursorOf(roomOf(joins)), { after: 62, epoch: "e1", proof: "proof of 62 in e1" });
  const heard = reduce(joins, event(63));
  assert.equal(cursorOf(roomOf(heard)).proof, "proof of 63");
  const earlier = reduce(heard, joined(62, 63));
  assert.equal(cursorOf(roomOf(earlier)).proof, "proof of 63", "it holds 63, and no proof of 62 is of that");
  const afresh = reduce(earlier, joined(10, 12, { epoch: "e2", reset: true }));
  assert.deepEqual(cursorOf(roomOf(afresh)), { after: 10, epoch: "e2", proof: "proof of 10 in e2" });
});

test("an empty room is in step at once and has no history", () => {
  const room = roomOf(after(joined(0, 0)));
  assert.equal(room.isSynced, true);
  assert.equal(room.live.hasOlder, false);
});

test("resuming keeps the events held and adds the missed ones", () => {
  const state = after(joined(0, 2), event(1), event(2), joined(2, 4), event(3), event(4), event(5));
  assert.deepEqual(seqs(state), [1, 2, 3, 4, 5]);
});

test("an event delivered twice is shown once", () => {
  assert.deepEqual(seqs(after(joined(0, 2), event(1), event(2), event(1), event(2), event(3))), [1, 2, 3]);
});

test("a missing number is a gap, and later events wait", () => {
  const state = after(joined(0, 1), event(1));
  assert.ok(isGap(roomOf(state), message(3)));
  assert.ok(!isGap(roomOf(state), message(2)));
  assert.deepEqual(seqs(reduce(state, event(3))), [1]);
});

test("an event of an unknown kind moves the cursor, and is there to be shown as such", () => {
  const state = after(joined(0, 2), event(1), { type: "event", frame: { type: "poll", room: "lobby", seq: 2 } }, event(3));
  assert.deepEqual(seqs(state), [1, 2, 3]);
});

test("a reset, or another epoch, drops the events held", () => {
  assert.deepEqual(seqs(after(joined(0, 1), event(1), joined(90, 91, { reset: true }), event(91))), [91]);
  assert.deepEqual(seqs(after(joined(0, 1), event(1), joined(1, 2, { epoch: "e2" }), event(2))), [2]);
});

test("a page of history goes before the events held, unless it no longer fits", () => {
  const asked = after(joined(60, 61), event(61), { type: "loading", room: "lobby", way: "before" });
  const page = (first, last) => ({
    type: "history",
    asked: { before: last + 1 },
    frame: { room: "lobby", upto: 61, changes: [], events: Array.from({ length: last - first + 1 }, (_, index) => message(first + index)), more: first > 1 },
  });
  const older = reduce(asked, page(59, 60));
  assert.deepEqual(seqs(older), [59, 60, 61]);
  assert.equal(roomOf(older).live.isLoadingOlder, false);
  assert.deepEqual(seqs(reduce(older, page(57, 58))), [57, 58, 59, 60, 61]);
  assert.deepEqual(seqs(reduce(older, page(59, 60))), [59, 60, 61], "a second answer");
  assert.deepEqual(seqs(reduce(asked, page(50, 51))), [61], "would leave a hole");
});

test("a message is shown as waiting until it is delivered", () => {
  const waiting = after(joined(0, 0), queued("m1"));
  assert.deepEqual(waiting.outbox.map(({ id, status }) => [id, status]), [["m1", "waiting"]]);
  const settled = reduce(waiting, event(1, { from: ME.id, id: "m1" }));
  assert.deepEqual(settled.outbox, []);
  assert.deepEqual(seqs(settled), [1]);
});

test("another person's message with the same id settles nothing", () => {
  assert.equal(after(joined(0, 0), queued("m1"), event(1, { id: "m1" })).outbox.length, 1);
});

test("an acked message is shown as sent until delivered; the ack of a repeat ends it", () => {
  const early = after(joined(0, 0), queued("m1"), { type: "acked", id: "m1", seq: 2 });
  assert.equal(early.outbox[0].status, "sent");
  assert.equal(nextToSend(early), null);
  const heard = [event(1), event(2, { from: ME.id, id: "m1" })].reduce(reduce, early);
  assert.deepEqual(heard.outbox, []);
  const repeat = after(joined(50, 50), queued("m1"), { type: "acked", id: "m1", seq: 7 });
  assert.deepEqual(repeat.outbox, []);
});

test("an own message that a page of history brings after a reload is shown once", () => {
  const state = after(restored({ id: "m1", room: "lobby", text: "x", status: "waiting" }), joined(0, 1), event(1, { from: ME.id, id: "m1" }));
  assert.deepEqual(state.outbox, []);
});

test("messages left waiting are read first, and sent first", () => {
  const early = [{ type: "me", me: ME }, queued("m2")].reduce(reduce, initialState("lobby"));
  assert.equal(nextToSend(early), null);
  const state = reduce(early, restored({ id: "m1", room: "lobby", text: "older", status: "waiting" }));
  assert.equal(nextToSend(state).id, "m1");
  assert.deepEqual(state.outbox.map(({ id }) => id), ["m1", "m2"]);
});

test("a refused message waits for the user and lets the next one pass", () => {
  const state = after(queued("m1"), queued("m2"), { type: "failed", id: "m1", code: "too_long", reason: "Too long." });
  assert.equal(firstFailed(state).id, "m1");
  assert.equal(nextToSend(state).id, "m2");
  assert.equal(nextToSend(reduce(state, { type: "retried", id: "m1", newId: "m3" })).id, "m3");
  assert.equal(firstFailed(reduce(state, { type: "discarded", id: "m1" })), null);
});

test("only messages of others that come while away count as unread", () => {
  const state = after(joined(0, 2), event(1), event(2), away, event(3), event(4));
  assert.equal(unreadOf(roomOf(state)).count, 2);
  assert.equal(roomOf(state).divider, 2);
  const back = reduce(state, { type: "viewed", isAtBottom: true });
  assert.equal(unreadOf(roomOf(back)).count, 0);
  assert.equal(roomOf(back).divider, 2, "the mark stays until one writes");
  assert.equal(roomOf(reduce(back, queued("m1"))).divider, null);
});

const listing = (fields) => ({
  type: "welcome", frame: { user: ME, rooms: [{ room: "lobby", kind: "public", epoch: "e1", ...fields }] },
});
/** What the browser kept of the room: two messages, the second one the person's own, all of them read. */
function kept() {
  const before = after(joined(0, 2), event(1), event(2, { from: ME.id }));
  return { type: "cached", me: ME, mine: before.mine, people: new Map(), rooms: [{ ...roomOf(before), isMember: true, isSynced: false }] };
}

test("unread messages begin where the page stopped, whether or not the server heard of what was read last", () => {
  for (const [read, unread] of [[1, 2], [2, 2]]) {
    const listed = after(kept(), listing({ head: 4, read, unread, last: message(4) }));
    assert.equal(roomOf(listed).divider, 2, `read up to ${read}`);
    assert.equal(unreadOf(roomOf(listed)).count, 2);
    const heard = [joined(2, 4), event(3), event(4)].reduce(reduce, listed);
    assert.equal(roomOf(heard).divider, 2, `read up to ${read}`);
    assert.equal(unreadOf(roomOf(heard)).count, 0);
  }
});

test("unread messages begin where the list of rooms says when the browser kept nothing, or another log", () => {
  const other = { ...kept(), rooms: kept().rooms.map((room) => ({ ...room, epoch: "e0" })) };
  for (const before of [[], [other]]) {
    const listed = after(...before, listing({ head: 4, read: 2, unread: 2, last: message(4) }));
    const heard = [joined(0, 4, { reset: before.length > 0, isFresh: before.length === 0 }), event(1), event(2), event(3), event(4)].reduce(reduce, listed);
    assert.equal(roomOf(heard).divider, 2);
    assert.equal(unreadOf(roomOf(heard)).count, 0);
  }
});

test("a room in the background counts what it has yet to hear", () => {
  const elsewhere = after(kept(), { type: "opened", name: "work" });
  const state = reduce(elsewhere, listing({ head: 4, read: 1, unread: 2, last: message(4) }));
  assert.equal(unreadOf(state.rooms.get("lobby")).count, 2);
});

test("a hidden page reads nothing", () => {
  assert.equal(unreadOf(roomOf(after(joined(0, 0), { type: "viewed", isVisible: false }, event(1)))).count, 1);
});

test("at the end of the log old messages are dropped, scrolled up none", () => {
  const many = Array.from({ length: 3 * HELD_AT_BOTTOM }, (_, index) => event(index + 1));
  const watching = after(joined(0, 0), ...many);
  assert.ok(roomOf(watching).live.events.length <= HELD_AT_BOTTOM + 100);
  assert.equal(roomOf(watching).live.first, roomOf(watching).live.events[0].seq);
  assert.equal(roomOf(watching).live.hasOlder, true);
  assert.equal(roomOf(after(joined(0, 0), away, ...many)).live.events.length, many.length);
});

test("disconnects, resumes and repeats in any order give the same log", () => {
  const head = 40;
  let random = 1;
  const draw = (limit) => {
    random = (random * 48271) % 2147483647;
    return random % limit;
  };
  for (let run = 0; run < 50; run += 1) {
    let state = after(joined(0, 0));
    while (roomOf(state).last < head) {
      state = reduce(state, joined(roomOf(state).last, head));
      const until = Math.min(head, roomOf(state).last + draw(10));
      for (let seq = Math.max(1, roomOf(state).last - draw(3)); seq <= until; seq += 1) state = reduce(state, event(seq));
    }
    assert.deepEqual(seqs(state), Array.from({ length: head }, (_, index) => index + 1));
  }
});

test("an answer older than the remembered changes is dropped", () => {
  const pin = (seq) => ({ type: "event", frame: { type: "pin", room: "lobby", seq, from: "p-bob", name: "b", at: AT, target: 7, on: seq % 2 === 0 } });
  const many = Array.from({ length: 1_200 }, (_, index) => pin(12 + index));
  const page = (upto) => ({
    type: "history", asked: { before: 11 }, frame: { room: "lobby", upto, more: true, changes: [], events: [message(7), message(8)] },
  });
  const state = after(joined(10, 11), event(11), ...many, { type: "loading", room: "lobby", way: "before" });
  const stale = reduce(state, page(12));
  assert.deepEqual(seqs(stale), [11]);
  assert.equal(roomOf(stale).live.isLoadingOlder, false, "so that it is asked for again");
  assert.deepEqual(seqs(reduce(state, page(1_211))), [7, 8, 11]);
  assert.equal(roomOf(reduce(state, page(1_000))).live.events[0].isPinned, false, "the last pin was taken away");
});

test("in a visited room a title delivered after the info wins over it", () => {
  const settings = { type: "event", frame: { type: "settings", room: "lobby", seq: 3, id: "s", from: "p-bob", name: "Bob", title: "New", at: AT } };
  const info = { type: "info", frame: { type: "info", room: "lobby", title: "Old", topic: "t", members: [], upto: 2 } };
  const { title, topic } = openRoom(after(joined(2, 2), settings, info));
  assert.deepEqual([title, topic], ["New", "t"]);
});

test("further members of a room come in pages, once each", () => {
  const info = (members, cursor) => ({ type: "info", room: "lobby", members, count: 3, upto: 2, ...(cursor && { cursor }) });
  const one = (id) => ({ id, name: id });
  const before = after(joined(2, 2), { type: "info", frame: info([one("p-a"), one("p-b")], "p-b") });
  assert.equal(before.rooms.get("lobby").info.cursor, "p-b");
  const whole = reduce(before, { type: "members", frame: info([one("p-b"), one("p-c")]) });
  const { members, count, cursor } = whole.rooms.get("lobby").info;
  assert.deepEqual([members.map(({ id }) => id), count, cursor], [["p-a", "p-b", "p-c"], 3, undefined]);
});

test("what blocked people write is not counted, nor are their mentions", () => {
  const block = { type: "event", frame: { type: "block", room: "~p-me", seq: 1, from: "p-me", name: "Ada", at: AT, of: "p-eve", on: true } };
  const welcome = {
    type: "welcome",
    frame: { user: { id: "p-me", name: "Ada" }, rooms: [{ room: "lobby", head: 0, epoch: "e1" }], mine: { room: "~p-me", head: 0, epoch: "m", events: [] } },
  };
  const mention = (seq, from) => ({ type: "event", frame: { ...message(seq, { from }), mentions: ["p-me"] } });
  const state = after(welcome, block, joined(0, 0), away, mention(1, "p-eve"), mention(2, "p-bob"));
  assert.deepEqual(unreadOf(roomOf(state)), { count: 1, mentions: 1, isMarkedUnread: false });
});

test("a room has the picture of the newest event that says so, once the browser may fetch it", () => {
  const settings = (seq, more) => ({ type: "event", frame: { type: "settings", room: "lobby", seq, id: `s${seq}`, from: "p-bob", name: "Bob", at: AT, ...more } });
  const pictureOf = (state) => avatarOf(state, roomOf(state)).picture;
  const shown = after({ type: "filesSession" }, joined(0, 0), settings(1, { picture: true }), settings(2, { title: "Hall" }));
  assert.equal(pictureOf(shown), "files/lobby/1/0/picture");
  assert.equal(pictureOf(reduce(shown, settings(3, { picture: true }))), "files/lobby/3/0/picture");
  assert.equal(pictureOf(reduce(shown, settings(3, { picture: false }))), "");
  assert.equal(pictureOf(after(joined(0, 0), settings(1, { picture: true }))), "", "there is no cookie yet");
  const listed = { type: "roomAdded", item: { room: "lobby", head: 9, epoch: "e1", kind: "public", picture: 7 } };
  assert.equal(pictureOf(after({ type: "filesSession" }, listed)), "files/lobby/7/0/picture");
});
