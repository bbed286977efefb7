import assert from "node:assert/strict";
import { test } from "node:test";

import { roomsInCommon } from "../../static/js/core/common-rooms.js";

const room = (name, known = {}) => ({
  name, kind: "public", isMember: true, activeAt: 0, owner: null, lastMessage: null, live: { events: [] }, here: null, info: null,
  readMarkers: new Map(), ...known,
});

test("rooms in common are those of one's list in which somebody is known to be", () => {
  const rooms = [
    room("open", { owner: "b" }),
    room("a", { owner: "b" }),
    room("b", { lastMessage: { from: "b" } }),
    room("c", { live: { events: [{ from: "a" }, { from: "b" }] } }),
    room("d", { here: { ids: ["b"], count: 9 } }),
    room("e", { info: { members: [{ id: "a" }, { id: "b" }] } }),
    room("f", { readMarkers: new Map([["b", { delivered: 1, read: 1 }]]) }),
    room("unknown", { owner: "a", info: { members: [{ id: "a" }] }, here: { ids: ["a"], count: 1 } }),
    room("visited", { owner: "b", isMember: false }),
    room("d-ab", { kind: "direct", with: "b", lastMessage: { from: "b" } }),
    room("d-ac", { kind: "direct", with: "c", owner: "b" }),
  ];
  const state = { open: "open", mine: { current: new Map() }, outbox: [], rooms: new Map(rooms.map((one) => [one.name, one])) };
  assert.deepEqual(roomsInCommon(state, "b").map(({ name }) => name), ["a", "b", "c", "d", "e", "f"]);
});
