import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { mock, test } from "node:test";
import { runInNewContext } from "node:vm";

import { Connection } from "../../static/js/net/connection.js";
import { hello, join } from "../../static/js/net/protocol.js";

const [CONNECTING, OPEN, CLOSED] = [0, 1, 3];

/** A socket whose network is the test. */
class FakeSocket {
  static OPEN = OPEN;
  static CONNECTING = CONNECTING;
  static all = [];
  readyState = CONNECTING;
  sent = [];

  constructor(url, protocol) {
    Object.assign(this, { url: String(url), protocol });
    FakeSocket.all.push(this);
  }

  open() {
    this.readyState = OPEN;
    this.onopen();
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  close() {
    this.readyState = CLOSED;
  }
}
globalThis.WebSocket = FakeSocket;

/** A connection, and what its owner was told. */
function make() {
  FakeSocket.all = [];
  const told = [];
  const names = ["onConnecting", "onOpen", "onFrame", "onWaiting", "onRefused"];
  const handlers = Object.fromEntries(names.map((name) => [name, (value) => told.push([name, value])]));
  return { connection: new Connection("ws://chat/", handlers), told };
}

const early = (readyState, received = []) => {
  const socket = new FakeSocket("ws://chat/", "trio-chat.v1");
  socket.readyState = readyState;
  return { socket, since: Date.now(), greeting: { token: null, join: { id: "early", room: "lobby" } }, received };
};

test("an early socket that is open is taken over with the frames it received", () => {
  const { connection, told } = make();
  const first = early(OPEN, ['{"type": "welcome"}', '{"type": "joined"}']);
  connection.start(first);
  assert.deepEqual(told, [
    ["onConnecting", undefined], ["onOpen", first.greeting], ["onFrame", { type: "welcome" }], ["onFrame", { type: "joined" }],
  ]);
  first.socket.say({ type: "message" });
  connection.send({ type: "ping" });
  assert.deepEqual([told.at(-1)[1].type, first.socket.sent[0].type, FakeSocket.all.length], ["message", "ping", 1]);
  connection.stop();
});

test("an early socket that is not open yet has sent nothing: its new owner says hello", () => {
  const { connection, told } = make();
  const first = early(CONNECTING);
  connection.start(first);
  first.socket.open();
  assert.deepEqual(told, [["onConnecting", undefined], ["onOpen", undefined]]);
  assert.deepEqual(first.socket.sent, []);
  connection.stop();
});

test("an early socket that ended is replaced by another", () => {
  const { connection } = make();
  connection.start(early(CLOSED));
  assert.equal(FakeSocket.all.length, 2);
  connection.stop();
});

test("an early socket is closed when there is a connection already", () => {
  const { connection } = make();
  connection.start();
  const late = early(OPEN);
  connection.start(late);
  assert.equal(late.socket.readyState, CLOSED);
  assert.equal(FakeSocket.all[0].readyState, CONNECTING);
  connection.stop();
});

for (const state of [CONNECTING, OPEN]) {
  test(`an early socket in state ${state} that receives nothing is given up in time`, () => {
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const { connection, told } = make();
    const first = early(state);
    mock.timers.tick(3_000);
    connection.start(first);
    mock.timers.tick(state === OPEN ? 10_000 : 7_000);
    assert.equal(told.at(-1)[0], "onWaiting");
    assert.equal(first.socket.readyState, CLOSED);
    connection.stop();
    mock.timers.reset();
  });
}

/** What the classic script does in a page with this address and storage. */
async function begin({ href = "https://host/chat/", local = {}, session = {}, isBlocked = false } = {}) {
  const source = await readFile(new URL("../../static/js/boot/early-socket.js", import.meta.url), "utf8");
  FakeSocket.all = [];
  const storage = (values) => ({ getItem: (key) => values[key] ?? null });
  const location = new URL(href);
  const window = { localStorage: storage(local), sessionStorage: storage(session) };
  if (isBlocked) Object.defineProperty(window, "localStorage", { get: () => assert.fail("blocked") });
  const navigator = { userAgent: "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36" };
  runInNewContext(source, { window, location, navigator, WebSocket: FakeSocket, URL, URLSearchParams, JSON, Date });
  const [socket] = FakeSocket.all;
  socket.open();
  assert.equal(await window.early.database, null, "there is none here");
  return { socket, early: window.early.connection };
}

const plain = (value) => JSON.parse(JSON.stringify(value));

test("a newcomer says hello and joins the open room in one flight, below any path", async () => {
  const { socket, early: first } = await begin({ local: { "trio-chat.name": "Ada" } });
  assert.deepEqual([socket.url, socket.protocol], ["wss://host/chat/", "trio-chat.v1"]);
  assert.deepEqual(socket.sent, [hello({ name: "Ada", device: "Chrome on Android" }), join("early", "lobby")]);
  assert.deepEqual(plain(first.greeting), { token: null, join: join("early", "lobby") });
  socket.say({ type: "welcome" });
  assert.deepEqual(plain(first.received), ['{"type":"welcome"}']);
});

test("a returning page sends its token, and joins from the cache's cursor", async () => {
  const { socket, early: first } = await begin({ href: "http://host/?x#room=work", local: { "trio-chat.token": "t", "trio-chat.name": "Ada" } });
  assert.equal(socket.url, "ws://host/");
  assert.deepEqual(socket.sent, [hello({ token: "t", name: "Ada", device: "Chrome on Android" })]);
  assert.deepEqual(plain(first.greeting), { token: "t", join: null });
});

test("the room is the address's, else that of before the reload, else the lobby", async () => {
  const session = { "trio-chat.open": "garden" };
  const roomOf = async (options) => (await begin(options)).early.greeting.join.room;
  assert.equal(await roomOf({ href: "http://host/#room=a%20b", session }), "a b");
  assert.equal(await roomOf({ session }), "garden");
  assert.equal(await roomOf({ href: "http://host/#join=t", isBlocked: true }), "lobby");
});

test("sockets that do not open are counted until one does", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const counts = [];
  const ignore = () => {};
  const onWaiting = (_retryAt, _code, _reason, unopened) => counts.push(unopened);
  FakeSocket.all = [];
  const connection = new Connection("ws://chat/", {
    onConnecting: ignore, onOpen: ignore, onFrame: ignore, onRefused: ignore, onWaiting,
  });
  connection.start();
  const fail = () => {
    FakeSocket.all.at(-1).onclose({ code: 1006, reason: "" });
    t.mock.timers.tick(30_000);
  };
  fail();
  fail();
  FakeSocket.all.at(-1).open();
  fail();
  fail();
  assert.deepEqual(counts, [1, 2, 0, 1]);
  connection.stop();
});
