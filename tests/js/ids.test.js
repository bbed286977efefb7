import assert from "node:assert/strict";
import { test } from "node:test";

import { newId } from "../../static/js/net/ids.js";

test("ids sort in the order they were made, within a millisecond too", () => {
  const ids = Array.from({ length: 500 }, () => newId());
  assert.deepEqual([...ids].sort(), ids);
});

test("a clock set back does not put new messages before old ones", () => {
  const before = newId(Date.now() + 60_000);
  assert.ok(newId() > before);
});

test("an id is unique and fits the protocol", () => {
  const ids = Array.from({ length: 1000 }, () => newId());
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.ok(id.length >= 1 && id.length <= 64);
});
