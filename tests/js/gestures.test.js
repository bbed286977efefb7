import assert from "node:assert/strict";
import { test } from "node:test";

import { hasMoved, Slide } from "../../static/js/core/gestures.js";

const SIZES = { farEnough: 52, farthest: 72, width: 360 };

function swipe(...points) {
  const finger = new Slide("right", SIZES);
  const [first, ...rest] = points;
  finger.down(...first);
  const moved = rest.map((point) => finger.move(...point));
  return { finger, moved };
}

test("a finger that moves sideways far enough swipes", () => {
  const { finger, moved } = swipe([100, 100], [105, 101], [130, 104], [190, 110]);
  assert.deepEqual(moved, [false, true, true]);
  assert.ok(finger.isFarEnough);
  assert.ok(finger.distance <= 72);
  assert.equal(finger.up(), true);
  assert.equal(finger.distance, 0);
});

test("a swipe that is taken back does nothing", () => {
  const { finger } = swipe([100, 100], [190, 100], [120, 100]);
  assert.equal(finger.up(), false);
});

test("a finger that moves down first scrolls, wherever it moves then", () => {
  const { finger, moved } = swipe([100, 100], [102, 130], [190, 130]);
  assert.deepEqual(moved, [false, false]);
  assert.equal(finger.up(), false);
});

test("slanting and backward movements do nothing", () => {
  assert.deepEqual(swipe([100, 100], [120, 118]).moved, [false]);
  assert.deepEqual(swipe([100, 100], [60, 100]).moved, [false]);
});

test("a movement that begins at the screen's edge is the browser's", () => {
  assert.deepEqual(swipe([10, 100], [90, 100]).moved, [false]);
});

test("on a right-to-left page a swipe goes the other way", () => {
  const finger = new Slide("left", SIZES);
  finger.down(200, 100);
  assert.equal(finger.move(120, 100), true);
  assert.equal(finger.up(), true);
});

test("a finger is still until it moves or is lifted", () => {
  const { finger } = swipe([100, 100], [104, 103]);
  assert.equal(finger.isStill, true);
  finger.move(100, 140);
  assert.equal(finger.isStill, false);
  finger.down(50, 50);
  finger.up();
  assert.equal(finger.isStill, false);
});

test("a sheet goes down with the finger, however far, and from the screen's edge as well", () => {
  const finger = new Slide("down", { farEnough: 72, width: 360 });
  finger.down(5, 300);
  assert.equal(finger.move(8, 340), true);
  assert.equal(finger.isFarEnough, false);
  assert.equal(finger.move(90, 700), true);
  assert.equal(finger.distance, 390);
  assert.equal(finger.up(), true);
});

test("a finger that goes up or sideways first takes no sheet along, wherever it moves then", () => {
  for (const [x, y] of [[100, 250], [160, 310]]) {
    const finger = new Slide("down", { farEnough: 72, width: 360 });
    finger.down(100, 300);
    assert.equal(finger.move(x, y), false);
    assert.equal(finger.move(100, 600), false);
    assert.equal(finger.up(), false);
  }
});

test("a finger that trembles has not moved", () => {
  assert.equal(hasMoved(6, 6), false);
  assert.equal(hasMoved(0, 11), true);
  assert.equal(hasMoved(-8, 8), true);
});
