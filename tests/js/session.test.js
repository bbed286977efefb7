import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { App } from "../../static/js/app/app.js";
import { roomList, unreadOf } from "../../static/js/core/around.js";
import { isBlocked, openRoom, stars, tickOf } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { Store } from "../../static/js/core/store.js";
import { Alerts } from "../../static/js/app/alerts.js";
import { Moderation } from "../../static/js/app/moderation.js";
import { questions } from "../../static/js/app/questions.js";
import { Recounts } from "../../static/js/app/recounts.js";
import { texts } from "../../static/js/core/texts.js";
import { Identity } from "../../static/js/net/identity.js";
import { Lookups } from "../../static/js/net/lookups.js";
import { Session } from "../../static/js/net/session.js";

const AT = "2026-11-22T21:00:00.000Z";
const ME = { id: "p-me", name: "Ada" };
const MINE = { room: "~p-me", head: 0, epoch: "m", events: [] };
const item = (room, head, more = {}) => ({ room, head, epoch: "e", kind: "public", ...more });
const message = (room, seq, more = {}) => ({ type: "message", room, seq, from: "p-bob", name: "Bob", text: `text ${seq}`, at: AT, ...more });

/** A page whose server is the test: it reads what was sent, and says what it likes. */
function open({ token = "t" } = {}) {
  const store = new Store(reduce, initialState("lobby"));
  const sent = [];
  const page = { store, sent, restarts: 0 };
  let handlers;
  const identity = new Identity();
  identity.token = token;
  identity.name = "Ada";
  identity.onOtherTab = () => {};
  const connect = (given) => {
    handlers = given;
    return { send: (frame) => sent.push(JSON.parse(JSON.stringify(frame))), restart: () => (page.restarts += 1), start() {}, stop() {}, checkNow() {} };
  };
  const session = new Session(store, identity, connect, { onEvent: (frame) => app.onEvent(frame) });
  const app = new App({ store, session });
  app.addLater({ Alerts, Moderation, Recounts, Lookups, Drafts: class {}, questions, files: new Promise(() => {}) });
  store.dispatch({ type: "restored", entries: [] });
  return Object.assign(page, {
    app,
    session,
    identity,
    say: (...frames) => frames.forEach((frame) => handlers.onFrame(frame)),
    cut: () => handlers.onWaiting(0),
    hangUp: (reason, code) => handlers.onRefused(reason, code),
    /** The connection is there; resolves when what the page says first was said. */
    async greet() {
      handlers.onConnecting();
      handlers.onOpen();
      await settled();
    },
    take: (type) => {
      const index = sent.findIndex((frame) => frame.type === type);
      assert.ok(index >= 0, `no ${type} in ${JSON.stringify(sent)}`);
      return sent.splice(index, 1)[0];
    },
  });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A page that is welcome and hears the lobby and two more rooms. */
async function online(rooms = [item("lobby", 2), item("work", 10, { read: 8, unread: 2, last: message("work", 10) }), item("~p", 3, { kind: "private" })]) {
  const page = open();
  await page.greet();
  const hello = page.take("hello");
  const join = page.take("join");
  assert.deepEqual([hello.token, join.room], ["t", "lobby"], "both in one flight");
  page.say({ type: "welcome", user: ME, rooms, mine: MINE });
  page.say({ type: "joined", id: join.id, room: "lobby", head: 2, epoch: "e", after: 0, reset: false }, message("lobby", 1), message("lobby", 2));
  const follow = page.take("follow");
  for (const { room, after, epoch } of follow.rooms) {
    page.say({ type: "joined", id: follow.id, room, head: after, epoch, after, reset: false });
  }
  page.follow = follow;
  return page;
}

test("after the welcome all rooms and the personal one resume from their cursors", async () => {
  const page = await online();
  assert.deepEqual(page.follow.rooms, [
    { room: "work", after: 10, epoch: "e" }, { room: "~p", after: 3, epoch: "e" }, { room: "~p-me", after: 0, epoch: "m" },
  ]);
  assert.equal(page.store.state.connection.phase, "online");
  assert.equal(page.take("watch").room, "lobby");
  assert.deepEqual(roomList(page.store.state).map(({ name }) => name), ["work", "lobby", "~p"]);
});

test("a message in another room changes its row; the newest room is on top", async () => {
  const page = await online();
  page.say(message("~p", 4, { at: "2026-11-22T22:00:00.000Z", mentions: ["p-me"] }));
  const [first] = roomList(page.store.state);
  assert.equal(first.name, "~p");
  assert.equal(first.lastMessage.text, "text 4");
  const { count, mentions } = unreadOf(first);
  assert.deepEqual({ count, mentions }, { count: 1, mentions: 1 });
  assert.equal(unreadOf(page.store.state.rooms.get("work")).count, 2);
});

test("rooms without a message stand by their newest event, by whichever way it was heard", async () => {
  const empty = (room, head, hour) => item(room, head, { kind: "private", active: `2026-11-22T${hour}:00:00.000Z` });
  const order = ({ store }) => roomList(store.state).map(({ name }) => name);
  const page = await online([item("lobby", 2, { last: message("lobby", 2) }), empty("~a", 1, 20), empty("~b", 1, 22)]);
  assert.deepEqual(order(page), ["~b", "lobby", "~a"]);
  page.say({ type: "settings", room: "~a", seq: 2, from: "p-bob", name: "Bob", at: "2026-11-22T23:00:00.000Z", title: "A" });
  assert.deepEqual(order(page), ["~a", "~b", "lobby"]);
  const other = await online([item("lobby", 2, { last: message("lobby", 2) }), empty("~a", 2, 23), empty("~b", 1, 22)]);
  assert.deepEqual(order(other), order(page), "a device that comes later");
});

test("pinned rooms stand above the others, the newest first", async () => {
  const page = await online();
  const order = () => roomList(page.store.state).map(({ name }) => name);
  const pinned = page.app.pinRoom("~p", true);
  assert.deepEqual(order(), ["~p", "work", "lobby"], "at once");
  const { id, what, room, on } = page.take("mine");
  assert.deepEqual({ what, room, on }, { what: "pin_room", room: "~p", on: true });
  const told = { type: "pin_room", room: "~p-me", seq: 1, id, from: "p-me", name: "Ada", at: AT, of: "~p", on: true };
  page.say({ type: "ack", id, room: "~p-me", seq: 1 }, told);
  assert.equal((await pinned).ok, true);
  assert.deepEqual(order(), ["~p", "work", "lobby"]);
  page.say({ ...told, seq: 2, id: "c9", of: "lobby" }, message("lobby", 3, { at: "2026-11-22T22:00:00.000Z" }));
  assert.deepEqual(order(), ["lobby", "~p", "work"]);
  page.say({ ...told, seq: 3, id: "c10", on: false });
  assert.deepEqual(order(), ["lobby", "work", "~p"]);
});

test("the list of rooms tells who has received one's own newest message, and so do moved marks", async () => {
  const own = message("~d", 5, { from: "p-me", name: "Ada" });
  const direct = (more) => item("~d", 5, { kind: "direct", members: 2, with: { id: "p-bob", name: "Bob" }, last: own, ...more });
  const tick = ({ store }) => tickOf(store.state, store.state.rooms.get("~d"), store.state.rooms.get("~d").lastMessage);
  const page = await online([item("lobby", 2), direct({})]);
  assert.equal(tick(page), "sent");
  page.say({ type: "marks", room: "~d", marks: [{ person: "p-bob", delivered: 5, read: 3 }] });
  assert.equal(tick(page), "delivered");
  page.say({ type: "member", room: "~d", seq: 6, from: "p-bob", name: "Bob", at: AT, person: { id: "p-bob", name: "Bob" }, on: true });
  assert.equal(page.store.state.rooms.get("~d").members, 2, "he was asked, and has accepted");
  page.say({ type: "marks", room: "~d", marks: [{ person: "p-bob", delivered: 6, read: 6 }] });
  assert.equal(tick(page), "read");
  const other = await online([item("lobby", 2), direct({ marks: [{ person: "p-bob", delivered: 5, read: 5 }] })]);
  assert.equal(tick(other), "read");
});

test("after a disconnect every room resumes from its own cursor", async () => {
  const page = await online();
  page.say(message("work", 11));
  page.cut();
  await page.greet();
  assert.equal(page.take("join").after, 2);
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 2), item("work", 12, { read: 8, unread: 4 })], mine: MINE });
  assert.deepEqual(page.take("follow").rooms.map(({ room, after }) => [room, after]), [["work", 11], ["~p-me", 0]]);
  assert.equal(page.store.state.rooms.has("~p"), false, "not in the list any more");
  const work = () => unreadOf(page.store.state.rooms.get("work")).count;
  assert.equal(work(), 4);
  page.say(message("work", 12));
  assert.equal(work(), 4, "the list has counted it");
  page.say(message("work", 13));
  assert.equal(work(), 5);
});

test("a gap in any room is closed by reconnecting", async () => {
  const page = await online();
  page.say(message("work", 13));
  assert.equal(page.restarts, 1);
  page.say({ type: "star", room: "~p-me", seq: 3, from: "p-me", name: "Ada", at: AT, of: "lobby", target: 1, on: true });
  assert.equal(page.restarts, 2);
});

test("a request fails with a sentence if there is no connection, or it breaks", async () => {
  const page = open();
  assert.deepEqual(await page.app.info("lobby"), { ok: false, code: "offline", message: texts.askOffline });
  const there = await online();
  const answer = there.app.directory();
  there.cut();
  assert.equal((await answer).code, "offline");
});

test("a command whose connection broke is sent again under its id, until its ack", async () => {
  const page = await online();
  const sending = page.app.send("lobby", "hello");
  const first = page.take("send");
  page.cut();
  await page.greet();
  const join = page.take("join");
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 2)], mine: MINE });
  page.say({ type: "joined", id: join.id, room: "lobby", head: 2, epoch: "e", after: 2, reset: false });
  const again = page.take("send");
  assert.deepEqual(again, first);
  page.say({ type: "ack", id: again.id, room: "lobby", seq: 3 });
  assert.deepEqual(await sending, { ok: true, seq: 3 });
});

test("a refused message comes back with the reason, and the next one is sent", async () => {
  const page = await online();
  const reacting = page.app.react("lobby", 1, "👍", true);
  const starring = page.app.star("lobby", 1, true);
  assert.deepEqual(stars(page.store.state), [{ room: "lobby", seq: 1 }]);
  page.say({ type: "error", id: page.take("react").id, code: "too_many", message: "Too many." });
  assert.deepEqual(await reacting, { ok: false, code: "too_many", message: "Too many." });
  assert.equal(page.store.state.notices[0].message, "Too many.");
  const mine = page.take("mine");
  page.say({ type: "star", room: "~p-me", seq: 1, id: mine.id, from: "p-me", name: "Ada", at: AT, of: "lobby", target: 1, on: true });
  assert.deepEqual(await starring, { ok: true, seq: 1 }, "the event itself is the answer");
  assert.deepEqual(stars(page.store.state), [{ room: "lobby", seq: 1 }]);
});

test("opening a room watches it, shows its latest page and where unread messages begin", async () => {
  const page = await online();
  page.take("watch");
  const opening = page.app.openRoom("work");
  assert.equal(page.take("watch").room, "work");
  await settled();
  const asked = page.take("history");
  assert.equal(asked.before, 11);
  page.say({ type: "history", id: asked.id, room: "work", events: [9, 10].map((seq) => message("work", seq)), upto: 10, more: true });
  assert.deepEqual(await opening, { ok: true, room: "work" });
  const room = openRoom(page.store.state);
  assert.deepEqual(room.live.events.map(({ seq }) => seq), [9, 10]);
  assert.equal(room.divider, 8);
  page.app.viewed({ isAtBottom: true });
  assert.equal(unreadOf(openRoom(page.store.state)).count, 0);
});

test("opening a room that does not exist is refused and leads to the lobby", async () => {
  const page = await online();
  const opening = page.app.openRoom("~secret");
  page.say({ type: "error", id: page.take("join").id, room: "~secret", code: "no_such_room", message: "There is none." });
  assert.deepEqual(await opening, { ok: false, code: "no_such_room", message: "There is none." });
  assert.equal(page.store.state.open, "lobby");
  assert.equal(page.store.state.rooms.has("~secret"), false);
});

test("jumping to an old message shows its surroundings; paging down leads to the end", async () => {
  const page = await online([item("lobby", 2)]);
  page.say(...Array.from({ length: 3 }, (_, index) => message("lobby", index + 3)));
  page.store.dispatch({ type: "joined", frame: { room: "lobby", head: 90, epoch: "e", after: 88, reset: true } });
  page.say(message("lobby", 89), message("lobby", 90));
  const jump = page.app.jumpTo("lobby", 40);
  const around = page.take("history");
  assert.equal(around.around, 40);
  const events = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => message("lobby", first + index));
  page.say({ type: "history", id: around.id, room: "lobby", events: events(30, 50), upto: 90, more: true, newer: true });
  assert.deepEqual(await jump, { ok: true });
  assert.equal(openRoom(page.store.state).goal.seq, 40);
  const newer = page.app.loadNewer();
  const after = page.take("history");
  assert.equal(after.after, 50);
  page.say({ type: "history", id: after.id, room: "lobby", events: events(51, 88), upto: 90, more: true, newer: true });
  await newer;
  const room = openRoom(page.store.state);
  assert.equal(room.detached, null);
  assert.deepEqual(room.live.events.map(({ seq }) => seq), events(30, 90).map(({ seq }) => seq));
});

test("the read marker is sent at once when the page may be closed", async () => {
  const page = await online([item("lobby", 2, { read: 2, delivered: 2 })]);
  page.say(message("lobby", 3));
  page.session.tellReadMarkers();
  assert.deepEqual(page.sent.filter(({ type }) => type === "mark"), [{ type: "mark", room: "lobby", delivered: 3, read: 3 }]);
});

test("read markers are sent once a second, and only when they moved", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const page = await online([item("lobby", 2, { read: 2, delivered: 2 }), item("work", 10, { read: 8, delivered: 10 })]);
    page.say(message("lobby", 3), message("lobby", 4), message("work", 11));
    assert.ok(!page.sent.some(({ type }) => type === "mark"));
    mock.timers.tick(1_000);
    assert.deepEqual(page.sent.filter(({ type }) => type === "mark"), [
      { type: "mark", room: "lobby", delivered: 4, read: 4 }, { type: "mark", room: "work", delivered: 11 },
    ]);
    mock.timers.tick(5_000);
    assert.equal(page.sent.filter(({ type }) => type === "mark").length, 2);
  } finally {
    mock.timers.reset();
  }
});

test("a hidden page or one scrolled up reads nothing; reading on another device counts", async () => {
  const page = await online();
  page.app.viewed({ isVisible: false });
  page.say(message("lobby", 3));
  assert.equal(openRoom(page.store.state).read, 2);
  assert.equal(unreadOf(openRoom(page.store.state)).count, 1);
  page.say({ type: "marks", room: "lobby", marks: [{ person: "p-me", delivered: 3, read: 3 }] });
  assert.equal(unreadOf(openRoom(page.store.state)).count, 0);
});

test("ticks need one reader in a public room, and all members in a private one", async () => {
  const page = await online();
  const watch = page.take("watch");
  page.say(message("lobby", 3, { from: "p-me" }));
  const tick = () => tickOf(page.store.state, openRoom(page.store.state), openRoom(page.store.state).live.events.at(-1));
  page.say({ type: "watching", id: watch.id, room: "lobby", here: [], count: 1, marks: [{ person: "p-me", delivered: 3, read: 3 }] });
  await settled();
  assert.equal(tick(), "sent");
  page.say({ type: "marks", room: "lobby", marks: [{ person: "p-bob", delivered: 3, read: 1 }] });
  assert.equal(tick(), "delivered");
  page.say({ type: "marks", room: "lobby", marks: [{ person: "p-bob", delivered: 3, read: 3 }] });
  assert.equal(tick(), "read");
  const { rooms } = page.store.state;
  const private3 = { ...rooms.get("lobby"), kind: "private", members: 3 };
  const last = private3.live.events.at(-1);
  assert.equal(tickOf(page.store.state, private3, last), "sent", "one of them has never been here");
  const all = new Map(private3.readMarkers).set("p-eve", { delivered: 3, read: 2 });
  assert.equal(tickOf(page.store.state, { ...private3, readMarkers: all }, last), "delivered");
});

test("a room added to the list is followed, a removed one goes", async () => {
  const page = await online();
  page.say({ type: "room_added", item: item("~new", 1, { kind: "private", title: "New", active: "2026-11-22T22:00:00.000Z" }) });
  assert.deepEqual(page.take("follow").rooms, [{ room: "~new", after: 1, epoch: "e" }]);
  assert.equal(roomList(page.store.state)[0].name, "~new", "what is new is at the top");
  page.say({ type: "room_removed", room: "~new" });
  assert.equal(page.store.state.rooms.has("~new"), false);
});

test("rooms that follow a long welcome are kept as they were, and followed together", async () => {
  const page = await online();
  page.cut();
  await page.greet();
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 2)], mine: MINE, more: true });
  assert.deepEqual(page.take("follow").rooms.map(({ room }) => room), ["work", "~p", "~p-me"]);
  page.say(...["work", "~a", "~b", "~c"].map((name) => ({ type: "room_added", item: item(name, 1) })));
  assert.deepEqual(page.take("follow").rooms.map(({ room }) => room), ["~a"], "at once");
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(page.take("follow").rooms.map(({ room }) => room), ["~b", "~c"]);
});

test("who comes back is told what changed, and what was told before holds for all else", async () => {
  const page = await online();
  const back = async (welcome, ...others) => {
    page.cut();
    await page.greet();
    const { since } = page.take("hello");
    page.say({ type: "welcome", user: ME, ...welcome }, ...others);
    return since;
  };
  const names = () => Array.from(page.store.state.rooms.values()).filter(({ isMember }) => isMember).map(({ name }) => name);
  const all = [item("lobby", 2), item("work", 10), item("~p", 3)];
  assert.equal(await back({ rooms: all, mine: MINE, stamp: "1" }), undefined, "there was none");
  assert.equal(await back({ rooms: [item("lobby", 2), item("work", 12, { title: "Work" })], stamp: "2", partial: true }), "1");
  assert.deepEqual(names(), ["lobby", "work", "~p"]);
  assert.equal(page.store.state.rooms.get("work").title, "Work");
  assert.equal(page.store.state.mine.room, "~p-me");
  assert.deepEqual(page.sent.filter(({ type }) => type === "follow").at(-1).rooms.map(({ room }) => room), ["work", "~p", "~p-me"]);
  const long = [{ rooms: [item("lobby", 2)], mine: MINE, more: true }, { type: "room_added", item: item("work", 12) }];
  assert.equal(await back(...long), "2");
  assert.equal(await back(...long, { type: "room_added", item: item("~p", 3), stamp: "3" }), undefined, "it had not come whole");
  assert.equal(await back({ rooms: [item("lobby", 2)], mine: MINE, stamp: "4" }), "3");
  assert.deepEqual(names(), ["lobby"], "the whole list");
  page.store.dispatch({ type: "afresh" });
  assert.equal(await back({ rooms: all, mine: MINE, stamp: "5" }), undefined, "what it stands for was forgotten");
  page.store.dispatch({ type: "loggedOut" });
  assert.equal(page.store.state.stamp, null);
});

test("a guess that one is muted in a room ends with the next welcome, whatever it tells of the room", async () => {
  const page = await online();
  const state = page.store.state;
  const guessed = { ...state, rooms: new Map(state.rooms).set("~p", { ...state.rooms.get("~p"), muted: { until: Infinity, isGuess: true } }) };
  const next = reduce(guessed, { type: "welcome", frame: { user: ME, rooms: [item("lobby", 2)], partial: true } });
  assert.equal(next.rooms.get("~p").muted, null);
});

test("read markers that may have been lost are sent again, also of rooms that are not told anew", async () => {
  const page = await online();
  const marks = () => page.sent.filter(({ type }) => type === "mark");
  page.store.dispatch({ type: "viewed", isAtBottom: true, isVisible: true });
  page.session.tellReadMarkers();
  assert.deepEqual(marks(), [{ type: "mark", room: "lobby", delivered: 2, read: 2 }, { type: "mark", room: "work", delivered: 10 }]);
  page.cut();
  page.sent.length = 0;
  await page.greet();
  const join = page.take("join");
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 2, { read: 2, delivered: 2 })], partial: true });
  page.say({ type: "joined", id: join.id, room: "lobby", head: 2, epoch: "e", after: 2, reset: false });
  page.session.tellReadMarkers();
  assert.deepEqual(marks(), [{ type: "mark", room: "work", delivered: 10 }]);
});

test("personal state that the welcome had no room for is asked for, and the newer holds", async () => {
  const page = await online();
  const star = (seq, target, on = true) => ({ type: "star", room: "~p-me", seq, of: "lobby", target, on });
  page.cut();
  await page.greet();
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 2)], mine: { ...MINE, head: 9, events: [star(8, 1, false), star(9, 2)], more: true } });
  const first = page.take("own");
  assert.equal(first.before, 8);
  page.say({ type: "own", id: first.id, room: "~p-me", events: [star(5, 1), star(6, 3)], more: true });
  await settled();
  const second = page.take("own");
  assert.equal(second.before, 5);
  page.say({ type: "own", id: second.id, room: "~p-me", events: [star(4, 7)] });
  await settled();
  assert.deepEqual(stars(page.store.state).map(({ seq }) => seq), [2, 3, 7]);
});

test("an unknown token asks, and who starts anew is a new person, with the open room joined", async () => {
  const page = open();
  await page.greet();
  page.take("hello");
  const lost = page.take("join");
  page.say({ type: "error", code: "unknown_token", message: "Nobody." }, { type: "error", id: lost.id, code: "hello_first", message: "Say hello." });
  assert.deepEqual(page.store.state.lost, { why: "unknown" });
  assert.equal(page.identity.token, "t", "nothing is thrown away");
  assert.ok(!page.sent.some(({ type }) => type === "hello"));
  page.app.startAnew();
  await page.greet();
  assert.deepEqual(page.take("hello"), { type: "hello", lists: true, name: "Ada" });
  const join = page.take("join");
  page.say({ type: "welcome", user: ME, token: "t2", rooms: [item("lobby", 0)], mine: MINE });
  page.say({ type: "joined", id: join.id, room: "lobby", head: 0, epoch: "e", after: 0, reset: false });
  assert.equal(page.identity.token, "t2");
  assert.equal(page.store.state.connection.phase, "online");
});

test("a device code makes the page that person, a wrong one is refused with a sentence", async () => {
  const page = await online();
  const using = page.app.useCode("K7QM-2XHD");
  await page.greet();
  assert.deepEqual(page.take("hello"), { type: "hello", lists: true, link: "K7QM-2XHD" });
  page.say({ type: "error", code: "bad_link", message: "The code is not right." });
  assert.deepEqual(await using, { ok: false, code: "bad_link", message: "The code is not right." });
  assert.equal(page.take("hello").token, "t");
});

/** A server answers hello: it knows this person, or nobody by the token. */
const welcomes = (page, server, user = ME, more = {}) => {
  const join = page.take("join");
  page.say({ type: "welcome", user, server, rooms: [item("lobby", 0)], mine: MINE, ...more });
  page.say({ type: "joined", id: join.id, room: "lobby", head: 0, epoch: "e", after: 0, reset: false });
};
const knowsNobody = (page, server) => page.say({ type: "error", code: "unknown_token", message: "Nobody.", server });

test("when the wrong server answers the page asks, and the right one is oneself again at once", async () => {
  const page = open();
  await page.greet();
  assert.equal(page.take("hello").token, "t");
  welcomes(page, "A");
  page.cut();
  await page.greet();
  page.take("hello");
  page.take("join");
  knowsNobody(page, "B");
  assert.deepEqual(page.store.state.lost, { why: "elsewhere" });
  page.cut();
  assert.deepEqual(page.store.state.lost, { why: "elsewhere" }, "a lost connection answers nothing");
  await page.greet();
  assert.equal(page.take("hello").token, "t");
  welcomes(page, "A");
  assert.equal(page.store.state.lost, null);
});

test("who started anew on another server is the old person again when the first is back, and the other way round", async () => {
  const page = open();
  await page.greet();
  page.take("hello");
  welcomes(page, "A");
  page.cut();
  await page.greet();
  page.take("hello");
  page.take("join");
  knowsNobody(page, "B");
  const starting = page.app.startAnew();
  await page.greet();
  assert.equal(page.take("hello").token, undefined);
  welcomes(page, "B", { id: "p-b", name: "Ada" }, { token: "tb" });
  assert.equal((await starting).ok, true);
  for (const [server, right, wrong] of [["A", "t", "tb"], ["B", "tb", "t"]]) {
    page.cut();
    await page.greet();
    assert.equal(page.take("hello").token, wrong);
    page.take("join");
    knowsNobody(page, server);
    assert.equal(page.take("hello").token, right);
    welcomes(page, server, server === "A" ? ME : { id: "p-b", name: "Ada" });
    assert.equal(page.store.state.lost, null);
    assert.equal(page.identity.token, right);
  }
});

test("a token that comes in place of the old one is used, and the old one if a backup was restored", async () => {
  const page = open();
  await page.greet();
  assert.equal(page.take("hello").rotate, true);
  welcomes(page, "A", ME, { token: "t2" });
  assert.equal(page.identity.token, "t2");
  page.cut();
  await page.greet();
  assert.equal(page.take("hello").token, "t2");
  page.take("join");
  knowsNobody(page, "A");
  assert.equal(page.take("hello").token, "t");
  welcomes(page, "A", ME, { token: "t2" });
  assert.equal(page.identity.token, "t2");
});

test("who became somebody else by a code can go back", async () => {
  const page = open();
  await page.greet();
  page.take("hello");
  welcomes(page, "A");
  const becoming = page.app.useCode("K7QM-2XHD");
  await page.greet();
  assert.equal(page.take("hello").link, "K7QM-2XHD");
  welcomes(page, "A", { id: "p-eve", name: "Eve" }, { token: "te" });
  assert.equal((await becoming).user.name, "Eve");
  const [key, ...others] = page.app.otherKeys;
  assert.deepEqual([key.name, others.length], ["Ada", 0]);
  const back = page.app.goBack(key);
  await page.greet();
  assert.equal(page.take("hello").token, "t");
  welcomes(page, "A");
  assert.equal((await back).user.name, "Ada");
  assert.deepEqual([page.identity.token, page.identity.name], ["t", "Ada"]);
  assert.deepEqual(page.app.otherKeys.map(({ name }) => name), ["Eve"]);
});

test("a device that was logged out keeps nothing and asks, and no key of somebody else is tried", async () => {
  const page = open();
  await page.greet();
  page.take("hello");
  welcomes(page, "A");
  page.identity.remember("A", { id: "p-eve", name: "Eve" }, "te");
  page.hangUp("logged out", 4510);
  const { lost, rooms, me } = page.store.state;
  assert.deepEqual([lost, me, Array.from(rooms.keys())], [{ why: "loggedOut" }, null, ["lobby"]]);
  await page.greet(); // the page was reloaded, say
  page.take("hello");
  page.take("join");
  knowsNobody(page, "A");
  assert.ok(!page.sent.some(({ type }) => type === "hello"));
  assert.deepEqual(page.store.state.lost, { why: "loggedOut" });
  const recovering = page.app.useCode("k7qm2 xhdb3 49wrt vxcbd fghjk");
  await page.greet();
  assert.equal(page.take("hello").recover, "k7qm2 xhdb3 49wrt vxcbd fghjk");
  welcomes(page, "A", ME, { token: "t9", recovery: true });
  assert.equal((await recovering).ok, true);
  assert.deepEqual([page.store.state.lost, page.store.state.hasRecovery, page.identity.token], [null, true, "t9"]);
});

test("an old browser's token without a key is set aside, not lost", async () => {
  const page = open();
  await page.greet();
  page.take("hello");
  page.take("join");
  knowsNobody(page, "B");
  page.app.startAnew();
  await page.greet();
  page.take("hello");
  welcomes(page, "B", { id: "p-b", name: "Ada" }, { token: "tb" });
  page.cut();
  await page.greet();
  page.take("hello");
  page.take("join");
  knowsNobody(page, "A");
  assert.equal(page.take("hello").token, "t");
  welcomes(page, "A");
  assert.equal(page.identity.token, "t");
});

test("a new message notifies, but not in the room that is on the screen", async () => {
  const page = await online();
  const news = [];
  page.app.onNews(({ room, message: { seq }, sound, notification }) => news.push({ room, seq, sound, notification }));
  page.say(message("lobby", 3), message("work", 11));
  page.app.viewed({ isVisible: false });
  page.say(message("lobby", 4), message("lobby", 5, { from: "p-me" }));
  await settled();
  assert.deepEqual(news, [
    { room: "work", seq: 11, sound: true, notification: false }, { room: "lobby", seq: 4, sound: true, notification: true },
  ].filter(({ seq }) => seq !== 4)); // one's own message, perhaps from another device, has read what was before
});

test("requests are in no list, and go when they are answered, on whatever device", async () => {
  const page = open();
  await page.greet();
  const asked = (room) => item(room, 1, { kind: "direct", with: { id: `p-${room}`, name: room } });
  page.say({ type: "welcome", user: ME, rooms: [item("lobby", 0)], requests: ["~d1", "~d2"], mine: MINE });
  page.say({ type: "request", item: asked("~d3") });
  const names = () => Array.from(page.store.state.requests.keys());
  assert.deepEqual(names(), ["~d1", "~d2", "~d3"]);
  assert.deepEqual(roomList(page.store.state).map(({ name }) => name), ["lobby"]);
  const answer = page.app.requests();
  page.say({ type: "requests", id: page.take("requests").id, requests: ["~d3", "~d2", "~d1"].map(asked) });
  assert.equal((await answer).ok, true);
  assert.equal(page.store.state.requests.get("~d1").with.name, "~d1");
  page.say({ type: "room_added", item: asked("~d1") }, { type: "room_removed", room: "~d2" });
  assert.deepEqual(names(), ["~d3"]);
  const declined = page.app.answerRequest("~d3", false);
  const command = page.take("answer_request");
  assert.deepEqual([command.room, command.accept], ["~d3", false]);
  page.say({ type: "ack", id: command.id, room: "~d3", seq: 2 });
  assert.equal((await declined).ok, true);
  assert.deepEqual(names(), []);
});

test("a room for which there was no place stays in the list, and gets one when it is opened", async () => {
  const page = await online();
  page.say({ type: "error", id: page.follow.id, code: "too_many_rooms", room: "~p", message: "Too many." });
  page.say({ type: "error", id: page.follow.id, code: "no_such_room", room: "work", message: "None." });
  assert.deepEqual(roomList(page.store.state).map(({ name }) => name).sort(), ["lobby", "~p"]);
  page.say({ type: "room_added", item: item("garden", 0) });
  const { id } = page.take("follow");
  page.say({ type: "joined", id, room: "garden", head: 0, epoch: "e", after: 0, reset: false });
  const opened = page.app.openRoom("~p");
  assert.equal(page.take("leave").room, "garden", "the place of the one that is quiet for longest");
  const join = page.take("join");
  assert.equal(join.room, "~p");
  page.say({ type: "joined", id: join.id, room: "~p", head: 3, epoch: "e", after: 3, reset: false });
  await settled();
  assert.ok(roomList(page.store.state).some(({ name }) => name === "garden"));
  assert.equal(page.store.state.open, "~p");
  void opened;
});

test("a block is kept until the server has it, and holds at once", async () => {
  const page = await online();
  const blocked = page.app.block("p-eve", true);
  assert.equal(isBlocked(page.store.state, "p-eve"), true);
  const command = page.take("mine");
  assert.deepEqual([command.what, command.person, command.on, command.room], ["block", "p-eve", true, undefined]);
  page.say({ type: "ack", id: command.id, room: "~p-me", seq: 1 });
  page.say({ type: "block", room: "~p-me", seq: 1, id: command.id, from: "p-me", name: "Ada", at: AT, of: "p-eve", on: true });
  assert.equal((await blocked).ok, true);
  assert.equal(isBlocked(page.store.state, "p-eve"), true);
  assert.equal(isBlocked(page.store.state, "p-bob"), false);
});

test("who is banned is told until when in local time", async () => {
  const page = await online();
  page.hangUp("A moderator has removed you from this server until 2026-11-30 20:05 UTC: spam.", 4501);
  const { reason, isSentence } = page.store.state.connection;
  assert.match(reason, /removed you from this server until .*2026.*: spam\.$/);
  assert.doesNotMatch(reason, /UTC/);
  assert.ok(isSentence);
});

const change = (type, room, seq, target, more = {}) => ({ type, room, seq, target, from: "p-bob", name: "Bob", at: AT, ...more });
const countsOf = (page, room) => {
  const { count, mentions } = unreadOf(page.store.state.rooms.get(room));
  return [count, mentions];
};

test("unread messages that were counted before the page came are counted anew when one is deleted or edited", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const page = await online();
    const recount = async (more) => {
      mock.timers.tick(1_500);
      await settled();
      const { id, room } = page.take("listing");
      page.say({ type: "listing", id, item: item(room, more.head, { read: 8, ...more }) });
      await settled();
    };
    page.say(change("delete", "work", 11, 9));
    await recount({ head: 11, unread: 1, last: message("work", 10) });
    assert.deepEqual(countsOf(page, "work"), [1, 0]);
    page.say(change("edit", "work", 12, 10, { text: "@Ada", mentions: ["p-me"] }));
    page.say(change("edit", "work", 13, 3, { text: "read long ago", mentions: ["p-me"] }));
    await recount({ head: 13, unread: 1, mentions: 1, last: message("work", 10) });
    assert.deepEqual(countsOf(page, "work"), [1, 1]);
    page.say(message("work", 14), change("delete", "work", 15, 14), change("delete", "work", 16, 3));
    mock.timers.tick(5_000);
    await settled();
    assert.ok(page.sent.every(({ type }) => type !== "listing"), "these are known by number, or read");
    assert.deepEqual(countsOf(page, "work"), [1, 1]);
  } finally {
    mock.timers.reset();
  }
});

test("an answer that is older than what was heard since is asked for again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const page = await online();
    page.say(change("delete", "work", 11, 9));
    mock.timers.tick(1_500);
    await settled();
    const first = page.take("listing");
    page.say(message("work", 12), { type: "listing", id: first.id, item: item("work", 11, { read: 8, unread: 1 }) });
    await settled();
    mock.timers.tick(1_500);
    await settled();
    page.say({ type: "listing", id: page.take("listing").id, item: item("work", 12, { read: 8, unread: 2 }) });
    await settled();
    assert.deepEqual(countsOf(page, "work"), [2, 0]);
  } finally {
    mock.timers.reset();
  }
});

test("an edit of a message heard live gains or loses a mention; of one's own, or of somebody blocked, nothing counts", async () => {
  const page = await online();
  page.say(message("~p", 4), message("~p", 5, { mentions: ["all"] }), message("~p", 6, { from: "p-eve" }));
  assert.deepEqual(countsOf(page, "~p"), [3, 1]);
  page.say(change("edit", "~p", 7, 4, { text: "x", mentions: ["p-me"] }), change("edit", "~p", 8, 5, { text: "y" }));
  assert.deepEqual(countsOf(page, "~p"), [3, 1]);
  page.say(change("edit", "~p", 9, 4, { text: "x", mentions: ["p-bob"] }), change("delete", "~p", 10, 5));
  assert.deepEqual(countsOf(page, "~p"), [2, 0]);
});

test("whoever is blocked counts no more, also for what is counted already", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const page = await online();
    page.say(message("work", 11, { from: "p-eve" }));
    page.say({ type: "block", room: "~p-me", seq: 1, id: "x", from: "p-me", name: "Ada", at: AT, of: "p-eve", on: true });
    mock.timers.tick(1_500);
    await settled();
    const asked = page.sent.filter(({ type }) => type === "listing").map(({ room }) => room);
    assert.deepEqual(asked, ["work"]);
  } finally {
    mock.timers.reset();
  }
});
