import assert from "node:assert/strict";
import { test } from "node:test";

import * as protocol from "../../static/js/net/protocol.js";

test("hello has the token, else the name, else neither", () => {
  assert.deepEqual(protocol.hello({ token: "t", name: "Ada" }), { type: "hello", lists: true, token: "t", rotate: true });
  assert.deepEqual(protocol.hello({ token: null, name: "Ada" }), { type: "hello", lists: true, name: "Ada" });
  assert.deepEqual(protocol.hello(), { type: "hello", lists: true });
});

test("join has the cursor if there is one", () => {
  assert.deepEqual(protocol.join("c1", "lobby", { after: 7, epoch: "e", proof: "p" }), {
    type: "join", id: "c1", room: "lobby", after: 7, epoch: "e", proof: "p",
  });
  assert.deepEqual(protocol.join("c1", "lobby"), { type: "join", id: "c1", room: "lobby" });
});

test("a text that is no frame is ignored", () => {
  for (const data of ["", "{", "null", "7", "[]", "{}", '{"type":3}', new ArrayBuffer(2)]) {
    assert.equal(protocol.decode(data), null);
  }
  assert.deepEqual(protocol.decode('{"type":"pong","id":"c"}'), { type: "pong", id: "c" });
});

test("a frame with number and room is an event, of unknown kinds too; an ack is none", () => {
  assert.ok(protocol.isEvent({ type: "message", room: "lobby", seq: 1 }));
  assert.ok(protocol.isEvent({ type: "something-new", room: "lobby", seq: 2 }));
  assert.ok(!protocol.isEvent({ type: "ack", id: "c", room: "lobby", seq: 1 }));
  assert.ok(!protocol.isEvent({ type: "joined", room: "lobby", head: 1 }));
});

test("close codes tell whether to reconnect", () => {
  for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 4000, 4001, 4002, 4499]) assert.ok(protocol.comesBack(code), code);
  for (const code of [1002, 1003, 1007, 1008, 1009, 4500, 4999]) assert.ok(!protocol.comesBack(code), code);
});

test("only errors that pass are retried", () => {
  assert.equal(protocol.retryAfterMs({ code: "rate_limited", retry_after: 1.5 }), 1500);
  assert.equal(protocol.retryAfterMs({ code: "unavailable" }), 2000);
  assert.equal(protocol.retryAfterMs({ code: "too_long", retry_after: 1 }), null);
});
