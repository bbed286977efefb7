import assert from "node:assert/strict";
import { test } from "node:test";

import { FIRST, MOST, START, STEP, around, atEnd, afterChange, moreAbove, moreBelow } from "../../static/js/core/slice.js";

const list = (from, to) => Array.from({ length: to - from }, (_, index) => ({ key: `k${from + index}` }));

test("a short list is shown whole", () => {
  assert.deepEqual(atEnd(10), { from: 0, to: 10 });
  assert.deepEqual(around(3, 10), { from: 0, to: 10 });
  assert.deepEqual(moreAbove({ from: 0, to: 10 }), { from: 0, to: 10 });
  assert.deepEqual(moreBelow({ from: 0, to: 10 }, 10), { from: 0, to: 10 });
});

test("moving adds items on one side and removes them on the other", () => {
  assert.deepEqual(atEnd(1_000), { from: 1_000 - START, to: 1_000 });
  assert.deepEqual(moreAbove(atEnd(1_000)), { from: 1_000 - START - STEP, to: 1_000 });
  const full = { from: 1_000 - MOST, to: 1_000 };
  const up = moreAbove(full);
  assert.deepEqual(up, { from: full.from - STEP, to: 1_000 - STEP });
  assert.deepEqual(moreBelow(up, 1_000), full);
  assert.deepEqual(moreAbove({ from: 10, to: 10 + MOST }), { from: 0, to: MOST });
});

test("every item can be reached from every place, with a bounded number shown", () => {
  let slice = atEnd(2_345);
  for (let steps = 0; slice.from > 0; steps += 1) {
    slice = moreAbove(slice);
    assert.ok(slice.to - slice.from <= MOST && steps < 100);
  }
  for (let steps = 0; slice.to < 2_345; steps += 1) {
    slice = moreBelow(slice, 2_345);
    assert.ok(slice.to - slice.from <= MOST && steps < 100);
  }
  const middle = around(1_000, 2_345);
  assert.ok(middle.from < 1_000 && middle.to > 1_000 && middle.to - middle.from === START);
  assert.deepEqual(around(0, 2_345), { from: 0, to: START });
  assert.deepEqual(around(2_344, 2_345), atEnd(2_345));
});

test("a reader at the end stays there, and items above go in groups", () => {
  const before = list(0, 1_000);
  const end = atEnd(1_000);
  assert.deepEqual(afterChange(end, before, list(0, 1_001), true), { from: end.from, to: 1_001 });
  const more = MOST + STEP;
  assert.deepEqual(afterChange(end, before, list(0, end.from + more), true), { from: end.from, to: end.from + more });
  assert.deepEqual(afterChange(end, before, list(0, end.from + more + 1), true), atEnd(end.from + more + 1));
  assert.deepEqual(afterChange({ from: 0, to: 0 }, [], before, true), { from: 1_000 - FIRST, to: 1_000 }, "not all at once");
});

test("a reader keeps the items in view when others come above or below", () => {
  const slice = { from: 100, to: 400 };
  const before = list(0, 1_000);
  assert.deepEqual(afterChange(slice, before, list(-50, 1_000), false), { from: 150, to: 450 });
  assert.deepEqual(afterChange(slice, before, list(0, 1_200), false), slice);
  assert.deepEqual(afterChange(slice, before, before.filter((_, index) => index !== 100), false), { from: 100, to: 399 });
  assert.deepEqual(afterChange({ from: 700, to: 1_000 }, before, list(0, 1_003), false), { from: 700, to: 1_000 });
  assert.deepEqual(afterChange({ from: 0, to: 20 }, list(0, 20), list(0, 23), false), { from: 0, to: 23 });
});

test("a list with no common item begins at its end, an empty one is empty", () => {
  assert.deepEqual(afterChange({ from: 0, to: 300 }, list(0, 500), list(9_000, 9_700), false), atEnd(700));
  assert.deepEqual(afterChange({ from: 0, to: 20 }, list(0, 20), [], false), { from: 0, to: 0 });
  assert.deepEqual(afterChange({ from: 0, to: 20 }, list(0, 20), [], true), { from: 0, to: 0 });
});
