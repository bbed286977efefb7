import assert from "node:assert/strict";
import { test } from "node:test";

import { pauseMs } from "../../static/js/net/backoff.js";

const luckiest = () => 0;
const unluckiest = () => 1 - Number.EPSILON;

test("the shortest pause is no busy loop", () => {
  for (let attempt = 0; attempt < 50; attempt += 1) assert.equal(pauseMs(attempt, luckiest), 100);
});

test("the longest pause doubles from one second to thirty and stays there", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 1000].map((attempt) => Math.round(pauseMs(attempt, unluckiest) / 1000));
  assert.deepEqual(longest, [1, 2, 4, 8, 16, 30, 30, 30]);
});

test("pauses are spread over the whole range", () => {
  const pauses = Array.from({ length: 1000 }, () => pauseMs(5));
  assert.ok(Math.min(...pauses) < 3_000);
  assert.ok(Math.max(...pauses) > 27_000);
});
