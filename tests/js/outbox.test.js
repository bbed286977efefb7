/** The outbox gets past anything: whatever a command is answered with, the person learns of it and the rest goes out. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { App } from "../../static/js/app/app.js";
import { questions } from "../../static/js/app/questions.js";
import { firstFailed, nextToSend } from "../../static/js/core/outbox.js";
import { readEntry } from "../../static/js/core/outbox-entry.js";
import { shown, openRoom } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { Store } from "../../static/js/core/store.js";
import { texts } from "../../static/js/core/texts.js";
import { timeline } from "../../static/js/core/timeline.js";
import { Connection } from "../../static/js/net/connection.js";
import { Identity } from "../../static/js/net/identity.js";
import { Sender } from "../../static/js/net/sender.js";
import { Session } from "../../static/js/net/session.js";

const ME = { id: "p-me", name: "Ada" };
const OPEN = 1;

/** A network whose server is the test, and which does to each frame what it is told. */
class Network {
  sockets = [];
  heard = [];
  /** What is done at a frame in place of the honest answer: returns whether it did something. */
  deviate = () => false;

  constructor() {
    const network = this;
    globalThis.WebSocket = class {
      static OPEN = OPEN;
      static CONNECTING = 0;
      readyState = 0;

      constructor() {
        network.sockets.push(this);
      }

      send(text) {
        queueMicrotask(() => this.readyState === OPEN && network.hear(this, JSON.parse(text), text));
      }

      close() {
        this.readyState = 3;
      }
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  open() {
    this.socket.readyState = OPEN;
    this.socket.onopen();
  }

  say(frame, socket = this.socket) {
    socket.onmessage({ data: JSON.stringify(frame) });
  }

  hear(socket, frame, text) {
    if (this.deviate(frame, text)) return;
    if (frame.type === "hello") this.say({ type: "welcome", user: ME, rooms: [], mine: { room: "~p-me", head: 0, epoch: "m", events: [] }, about: this.about }, socket);
    else if (frame.type === "join") this.say({ type: "joined", id: frame.id, room: frame.room, head: this.heard.length, epoch: "e", after: this.heard.length, reset: false }, socket);
    else if (["send", "edit", "react"].includes(frame.type)) {
      this.heard.push(frame.text ?? frame.emoji);
      this.say({ type: "ack", id: frame.id, room: frame.room, seq: this.heard.length }, socket);
    } else if (frame.type === "ping") this.say({ type: "pong", id: frame.id }, socket);
    else if (frame.type === "watch") this.say({ type: "watching", id: frame.id, room: frame.room, here: [], count: 1 }, socket);
    else if (frame.id) this.say({ type: "done", id: frame.id, people: [], events: [], rooms: [], hits: [], upto: 0 }, socket);
  }

  hangUp(code, reason = "") {
    this.socket.onclose({ code, reason });
  }
}

/** A page over it, with time in the test's hands. */
function open(t, entries = []) {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const network = new Network();
  const store = new Store(reduce, initialState("lobby"));
  const identity = new Identity();
  Object.assign(identity, { token: "t", onOtherTab: () => {} });
  const session = new Session(store, identity, (handlers) => new Connection("ws://chat/", handlers));
  const app = new App({ store, session });
  Object.assign(app, questions(store, session));
  store.dispatch({ type: "restored", entries });
  session.connection.start();
  /** Let the page connect, again and again for so long. */
  const pass = async (ms = 120_000) => {
    for (let passed = 0; passed < ms; passed += 500) {
      if (network.socket.readyState === 0) network.open();
      for (let turn = 0; turn < 40; turn += 1) await null;
      mock.timers.tick(500);
    }
  };
  return { network, store, session, app, pass };
}

/** What is not in the log. */
const failures = ({ state }) => state.outbox.filter(({ status }) => status !== "sent").map(({ text, status, code }) => [text, status, code]);

for (const code of [1002, 1003, 1007, 1008, 1009, 4500, 4999]) {
  test(`a message at which the server hangs up with ${code} fails alone, and those behind it go out`, async (t) => {
    const { network, store, app, pass } = open(t);
    network.deviate = ({ text }) => text === "bad" && (network.hangUp(code, "Not that."), true);
    await pass(1_000);
    for (const text of ["one", "bad", "two", "bad", "three"]) app.send("lobby", text);
    await pass();
    assert.deepEqual(network.heard, ["one", "two", "three"]);
    const expected = code === 1009 ? "too_long" : "hung_up";
    assert.deepEqual(failures(store), [["bad", "failed", expected], ["bad", "failed", expected]]);
    assert.match(firstFailed(store.state).reason, code === 1009 ? /longer/ : /Not that\./);
    assert.equal(store.state.connection.phase, "online");
  });
}

for (const [what, deviate, code] of [
  ["breaks", (network) => network.hangUp(1006), "broke"],
  ["has a fault", (network) => network.hangUp(1011), "broke"],
  ["does not answer, though it says other things", (network) => setTimeout(() => network.say({ type: "pong" }), 5_000), "broke"],
  ["says nothing any more", () => {}, "broke"],
]) {
  test(`a message at which the connection ${what} is given up, and those behind it go out`, async (t) => {
    const { network, store, app, pass } = open(t);
    network.deviate = ({ text }) => text === "bad" && (deviate(network), true);
    await pass(1_000);
    for (const text of ["one", "bad", "two"]) app.send("lobby", text);
    await pass(300_000);
    assert.deepEqual(network.heard, ["one", "two"]);
    assert.deepEqual(failures(store), [["bad", "failed", code]]);
    app.retry(store.state.outbox[0].id);
    network.deviate = () => false;
    await pass();
    assert.deepEqual(network.heard, ["one", "two", "bad"]);
    assert.deepEqual(store.state.outbox.filter(({ status }) => status !== "sent"), []);
  });
}

test("closes that say what they are for blame nothing", async (t) => {
  const { network, store, app, pass } = open(t);
  const codes = [1000, 1001, 1012, 1013, 4000, 4001, 4004, 1001, 1012];
  network.deviate = ({ type }) => type === "send" && codes.length > 0 && (network.hangUp(codes.shift()), true);
  await pass(1_000);
  app.send("lobby", "patient");
  await pass(600_000);
  assert.deepEqual(network.heard, ["patient"]);
  assert.equal(firstFailed(store.state), null);
});

test("who is banned or logged out keeps what waits", async (t) => {
  const { network, store, app, pass } = open(t);
  network.deviate = ({ type }) => type === "send" && (network.hangUp(4501, "You were removed."), true);
  await pass(1_000);
  app.send("lobby", "waits");
  await pass();
  assert.deepEqual(failures(store), [["waits", "waiting", undefined]]);
  assert.equal(store.state.connection.phase, "refused");
});

test("a command that the server never has time for fails once it has time for the next one", async (t) => {
  const { network, store, app, pass } = open(t);
  const no = (id) => network.say({ type: "error", id, code: "unavailable", message: "Not now.", retry_after: 1 });
  network.deviate = ({ text, id }) => text === "bad" && (no(id), true);
  await pass(1_000);
  for (const text of ["bad", "one", "two"]) app.send("lobby", text);
  await pass(30_000);
  assert.deepEqual(network.heard, ["one", "two"]);
  assert.deepEqual(failures(store), [["bad", "failed", "unavailable"]]);
});

test("while the server has time for nothing, nothing fails, and the order stays", async (t) => {
  const { network, store, app, pass } = open(t);
  let isDown = true;
  network.deviate = ({ type, id }) => type === "send" && isDown && (network.say({ type: "error", id, code: "unavailable", message: "Not now.", retry_after: 1 }), true);
  await pass(1_000);
  for (const text of ["one", "two", "three"]) app.send("lobby", text);
  await pass(60_000);
  assert.deepEqual(failures(store).map(([, status]) => status), ["waiting", "waiting", "waiting"]);
  isDown = false;
  await pass(10_000);
  assert.deepEqual(network.heard, ["one", "two", "three"]);
});

test("a reaction at which the server hangs up goes back with a notice", async (t) => {
  const { network, store, app, pass } = open(t);
  network.deviate = ({ type }) => type === "react" && (network.hangUp(1008, "Not that."), true);
  await pass(1_000);
  const reacting = app.react("lobby", 1, "👍", true);
  app.send("lobby", "one");
  await pass();
  assert.equal((await reacting).code, "hung_up");
  assert.match(store.state.notices[0].message, /Not that\./);
  assert.deepEqual(network.heard, ["one"]);
});

test("a question at which the server hangs up is answered with that, and blames no message", async (t) => {
  const { network, store, app, pass } = open(t);
  network.deviate = ({ type, query }) => {
    if (type === "search" && query === "bad") network.hangUp(1009, "Too big.");
    return type === "search";
  };
  await pass(1_000);
  const searching = app.search("bad");
  app.send("lobby", "innocent");
  await pass();
  assert.deepEqual(await searching, { ok: false, code: "hung_up", message: texts.outboxHungUp("Too big.") });
  assert.deepEqual(network.heard, ["innocent"]);
  assert.equal(firstFailed(store.state), null);
});

test("what is longer than the server takes is not sent to it", async (t) => {
  const { network, store, app, pass } = open(t);
  network.about = { version: "1", limits: { message_bytes: 65_536, text_chars: 4_000 }, commands: [] };
  network.deviate = (_frame, text) => new TextEncoder().encode(text).length > 65_536 && assert.fail("sent");
  await pass(1_000);
  app.send("lobby", "x".repeat(66_000));
  app.edit("lobby", 1, "\u0000".repeat(20_000));
  app.send("lobby", "fits");
  const searching = app.search("x".repeat(70_000));
  await pass();
  assert.deepEqual(network.heard, ["fits"]);
  assert.deepEqual(failures(store).map(([, status, code]) => [status, code]), [["failed", "too_long"], ["failed", "too_long"]]);
  assert.equal((await searching).code, "too_long");
  assert.equal(network.sockets.length, 1);
});

test("half a surrogate pair is sent as a character", async (t) => {
  const { network, app, pass } = open(t);
  network.deviate = (_frame, text) => /\\ud[89a-f]/.test(text.replaceAll("\\\\", "")) && assert.fail(text);
  await pass(1_000);
  for (const text of ["half \ud83d", "\udc00 half", "\\ud83d as letters", "\\\ud83d", "whole 😀", "nul \u0000"]) app.send("lobby", text);
  await pass(5_000);
  assert.deepEqual(network.heard, ["half \ufffd", "\ufffd half", "\\ud83d as letters", "\\\ufffd", "whole 😀", "nul \u0000"]);
});

test("a server that hangs up for no reason that is known is asked anew once, and then after a while again", async (t) => {
  const { network, store, pass } = open(t);
  network.deviate = ({ type }) => type === "join" && (network.hangUp(1008, "Not today."), true);
  await pass(30_000);
  assert.deepEqual([store.state.connection.phase, store.state.connection.reason], ["refused", "Not today."]);
  assert.equal(network.sockets.length, 2);
  network.deviate = () => false;
  await pass(90_000);
  assert.equal(store.state.connection.phase, "online");
});

/** Entries of other pages, older, newer and broken, as the browser may hand them out. */
const STRANGE = [
  null, undefined, 7, "text", [], {}, { id: 7, command: "send", room: "lobby", text: "x" }, { id: "", text: "x", room: "lobby" },
  { id: "s0", command: "vote", room: "lobby", choice: 1 },
  { id: "s1", command: "__proto__", room: "lobby" },
  { id: "s2", command: "constructor", text: "x" },
  { id: "s3", command: "delete", room: "lobby" },
  { id: "s4", command: "react", room: "lobby", target: "1", emoji: "x", on: true },
  { id: "s5", command: "mine" },
  { id: "s6", command: "edit", room: "lobby", target: 1, text: null },
];

test("what the browser kept of other pages holds up nothing", async (t) => {
  const { network, store, pass } = open(t, [
    ...STRANGE,
    { id: "t1", command: "send", room: 5, at: 1, text: "no room" },
    { id: "t2", command: "edit", room: "lobby", at: NaN, target: -1, text: "no target" },
    { id: "t3", command: "send", room: "lobby", at: "soon", text: "no time", mentions: [5], replyTo: "x", forwarded: {}, status: 9 },
    { id: "t4", room: "lobby", at: 1, text: "of an old page" },
  ]);
  await pass(5_000);
  assert.deepEqual(network.heard, ["no time", "of an old page"]);
  assert.deepEqual(failures(store), [["no room", "failed", "malformed"], ["no target", "failed", "malformed"]]);
  assert.ok(timeline(store.state, Date.now()).length > 0 && shown(store.state, openRoom(store.state)));
});

test("an entry that is right is read as it was kept", () => {
  const entry = { id: "a", command: "send", room: "lobby", at: 5, text: "x", replyTo: 3, mentions: ["p-b"], status: "failed", code: "slow", reason: "Wait." };
  assert.deepEqual(readEntry(entry), entry);
  const mine = { id: "b", command: "mine", at: 5, what: "level", room: "work", level: "none", until: 99, status: "waiting" };
  assert.deepEqual(readEntry(mine), mine);
  assert.equal(readEntry({ ...entry, status: "sent", seq: 4 }).status, "waiting");
});

test("an entry that was tried twice before a reload is given up at the third time", () => {
  const state = reduce(initialState("lobby"), { type: "restored", entries: [{ id: "a", command: "send", room: "lobby", at: 5, text: "x", breaks: 2, status: "waiting" }] });
  assert.equal(nextToSend(state).breaks, 2);
});

test("a command is suspected of final closes that come while questions are in flight as well", () => {
  const store = new Store(reduce, reduce(initialState("lobby"), { type: "connection", phase: "online" }));
  const sent = [];
  const sender = new Sender(store, (frame) => sent.push(frame.id));
  const entry = (id, at) => ({ id, command: "send", room: "lobby", at, text: id, status: "waiting" });
  store.dispatch({ type: "restored", entries: [entry("one", 5), entry("other", 6)] });
  for (let time = 0; time < 3; time += 1) {
    store.dispatch({ type: "connection", phase: "refused" });
    sender.disconnected({ code: 4999, reason: "Not that.", isFinal: false });
    store.dispatch({ type: "connection", phase: "online" });
  }
  assert.deepEqual(sent.map((id) => id === sent[0]), [true, true, true, false]);
  assert.equal(firstFailed(store.state).id, sent[0]);
});
