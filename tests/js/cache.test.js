import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { openRoom } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { Cache } from "../../static/js/net/cache.js";

/** A database as far as the cache uses it; what is put in comes out as a copy. */
class Shelf {
  values = new Map();
  write(_, { put = [], remove = [] }) {
    for (const value of put) this.values.set(value.key, structuredClone(value));
    for (const key of remove) this.values.delete(key);
  }
  readAll = async () => structuredClone(Array.from(this.values.values()));
}

const message = (seq) => ({ type: "message", room: "lobby", seq, id: `b${seq}`, from: "p-bob", name: "Bob", text: `secret ${seq}`, at: "2026-11-22T21:00:00.000Z" });
const item = (room, head) => ({ room, head, epoch: "e", kind: "public" });
const mine = { room: "~p-me", head: 0, epoch: "m", events: [] };
const welcome = (...rooms) => ({ type: "welcome", frame: { user: { id: "p-me", name: "Ada" }, rooms, mine } });

function life(...actions) {
  const start = [{ type: "me", me: { id: "p-me", name: "Ada", hasChosenName: true } }, welcome(item("lobby", 0), item("work", 4))];
  const joined = { type: "joined", isFresh: true, frame: { room: "lobby", head: 0, epoch: "e", after: 0, reset: false } };
  return [...start, joined, ...actions].reduce(reduce, initialState("lobby"));
}

async function keptOf(shelf, ...states) {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const cache = new Cache(shelf);
    for (const state of states) {
      cache.follow(state);
      mock.timers.tick(1_000);
    }
  } finally {
    mock.timers.reset();
  }
  return new Cache(shelf).load();
}

test("a returning visit shows the cached state and resumes from its cursor", async () => {
  const events = Array.from({ length: 80 }, (_, index) => ({ type: "event", frame: message(index + 1) }));
  const state = reduce(initialState("lobby"), await keptOf(new Shelf(), life(...events)));
  const room = openRoom(state);
  assert.equal(room.live.events.length, 50);
  assert.deepEqual([room.last, room.epoch, room.live.first, room.live.hasOlder], [80, "e", 31, true]);
  assert.deepEqual(Array.from(state.rooms.keys()), ["lobby", "work"]);
  assert.equal(state.me.name, "Ada");
  assert.equal(room.isSynced, false);
});

test("a deleted text and a room that was left go from the cache", async () => {
  const shelf = new Shelf();
  const before = life({ type: "event", frame: message(1) }, { type: "event", frame: message(2) });
  const deleted = { ...message(3), type: "delete", text: undefined, target: 1 };
  const after = [{ type: "event", frame: deleted }, { type: "roomRemoved", name: "work" }].reduce(reduce, before);
  await keptOf(shelf, before, after);
  const kept = JSON.stringify(Array.from(shelf.values.values()));
  assert.ok(!kept.includes("secret 1"));
  assert.ok(kept.includes("secret 2"));
  assert.ok(!shelf.values.has("room:work"));
});

test("the server's state wins over the cached one", async () => {
  const kept = await keptOf(new Shelf(), life({ type: "event", frame: message(1) }));
  const state = life();
  assert.equal(reduce(state, kept), state);
});
