import assert from "node:assert/strict";
import { test } from "node:test";

import { Fingers } from "../../static/js/core/gestures.js";
import { bounded, FITTING, fitting, zoomed } from "../../static/js/core/zoom.js";

const BOX = { width: 400, height: 800 };

test("a picture fits its box, and zooming leaves the point in its place about which one zooms", () => {
  assert.deepEqual(fitting({ width: 4000, height: 3000 }, BOX), { width: 400, height: 300 });
  const at = { x: 100, y: -50 };
  const view = zoomed(zoomed(FITTING, 2, at), 1.5, at);
  assert.equal(view.scale, 3);
  // What lies at the point in the picture is the same before and after.
  assert.deepEqual([(at.x - view.x) / view.scale, (at.y - view.y) / view.scale], [at.x, at.y]);
  assert.equal(zoomed(FITTING, 0.1, at).scale, 1);
  assert.equal(zoomed(FITTING, 1000, at).scale, 8);
});

test("it is moved until its edge, and not at all where it fits", () => {
  const size = { width: 400, height: 300 };
  assert.deepEqual(bounded({ scale: 1, x: 50, y: 50 }, size, BOX), FITTING);
  assert.deepEqual(bounded({ scale: 2, x: 900, y: 90 }, size, BOX), { scale: 2, x: 200, y: 0 });
  assert.deepEqual(bounded({ scale: 4, x: -900, y: -900 }, size, BOX), { scale: 4, x: -600, y: -200 });
});

test("one finger moves, two move and pinch; a tap has not moved", () => {
  const fingers = new Fingers();
  fingers.down(1, 100, 100);
  assert.deepEqual(fingers.move(1, 104, 103), { dx: 4, dy: 3, factor: 1, x: 104, y: 103 });
  assert.equal(fingers.hasMoved, false);
  fingers.down(2, 204, 103);
  assert.equal(fingers.hasMoved, true);
  assert.deepEqual(fingers.move(2, 304, 103), { dx: 50, dy: 0, factor: 2, x: 204, y: 103 });
  fingers.up(1);
  assert.deepEqual(fingers.move(2, 300, 100), { dx: -4, dy: -3, factor: 1, x: 300, y: 100 });
  assert.equal(fingers.count, 1);
});
