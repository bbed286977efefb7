import assert from "node:assert/strict";
import { test } from "node:test";

import { elapsed, idle, isKept, isRunning, leftOver, LONGEST_MS, slideOf, step, WARNED_MS } from "../../static/js/core/recording.js";

/** What happens one after the other: [type, at, more]; @returns the last state, and all that was done */
function play(...events) {
  return playFrom(idle(), ...events);
}

function playFrom(start, ...events) {
  let state = start;
  const all = [];
  for (const [type, at, more = {}] of events) {
    const [next, does] = step(state, { type, at, ...more });
    state = next;
    all.push(...does);
  }
  return { state, all };
}

const HELD = [["press", 0], ["granted", 100]];
const FREE = [["tap", 0], ["granted", 100]];
const CANCEL = { cancel: 1, lock: 0 };
const LOCK = { cancel: 0, lock: 1 };

test("hold while you speak: letting go sends", () => {
  const { state, all } = play(...HELD, ["release", 3_100]);
  assert.equal(state.phase, "idle");
  assert.deepEqual(all, ["ask", "start", "send"]);
});

test("a tap records hands free, before or after the microphone is there", () => {
  for (const events of [[["press", 0], ["release", 200], ["granted", 900]], [["press", 0], ["granted", 50], ["release", 200]], FREE]) {
    const { state, all } = play(...events);
    assert.equal(state.phase, "free");
    assert.deepEqual(all, ["ask", "start"]);
  }
});

test("a slip of the finger sends nothing, and says how it is done", () => {
  assert.deepEqual(play(...HELD, ["release", 500]).all, ["ask", "start", "discard", "hintHold"]);
});

test("who lets go before the microphone is there has recorded nothing, and is told", () => {
  for (const event of ["release", "taken"]) {
    const { state, all } = play(["press", 0], [event, 2_000]);
    assert.equal(state.phase, "idle");
    assert.deepEqual(all, ["ask", "abandon", "hintReady"]);
  }
});

test("sliding away cancels, at once; sliding up locks", () => {
  assert.deepEqual(play(...HELD, ["slide", 900, CANCEL]).all, ["ask", "start", "discard"]);
  assert.equal(play(...HELD, ["slide", 900, { cancel: 0.9, lock: 0 }]).state.phase, "held");
  const locked = play(...HELD, ["slide", 900, LOCK], ["release", 950]);
  assert.equal(locked.state.phase, "free");
  assert.deepEqual(locked.all, ["ask", "start"]);
  assert.deepEqual(play(["press", 0], ["slide", 50, CANCEL], ["granted", 100]).all, ["ask", "abandon"]);
  assert.equal(play(["press", 0], ["slide", 50, LOCK], ["release", 700], ["granted", 900]).state.phase, "free");
});

test("the way against the reading direction cancels, and one way counts at a time", () => {
  assert.deepEqual(slideOf(-110, -20, false), { cancel: 1, lock: 0 });
  assert.deepEqual(slideOf(110, 0, false), { cancel: 0, lock: 0 });
  assert.deepEqual(slideOf(110, 0, true), { cancel: 1, lock: 0 });
  assert.deepEqual(slideOf(-10, -72, false), { cancel: 0, lock: 1 });
  assert.deepEqual(slideOf(0, 90, false), { cancel: 0, lock: 0 });
});

test("the time is that of the clock, without pauses", () => {
  const { state, all } = play(...FREE, ["pause", 4_100], ["resume", 60_000], ["pause", 62_000]);
  assert.equal(elapsed(state, 99_000), 6_000);
  assert.deepEqual(all, ["ask", "start", "pause", "resume", "pause"]);
  assert.ok(isKept(state) && !isRunning(state));
  assert.equal(elapsed(play(...FREE).state, 1_100), 1_000);
});

test("a recording is warned of its end once, then ends and is kept", () => {
  const { state, all } = play(...FREE, ["tick", WARNED_MS], ["tick", 100 + WARNED_MS], ["tick", 200 + WARNED_MS], ["tick", 100 + LONGEST_MS]);
  assert.deepEqual(all, ["ask", "start", "warn", "stop"]);
  assert.equal(state.phase, "ended");
  assert.equal(elapsed(state, 2 * LONGEST_MS), LONGEST_MS);
  // Also a pressed one; and a page that slept wakes up at the limit, not behind it.
  assert.equal(elapsed(play(...HELD, ["tick", 2 * LONGEST_MS]).state, 2 * LONGEST_MS), LONGEST_MS);
});

test("the system takes the finger: nothing is sent, nothing is lost", () => {
  const { state, all } = play(...HELD, ["taken", 5_100], ["release", 5_200]);
  assert.equal(state.phase, "paused");
  assert.equal(elapsed(state, 9_000), 5_000);
  assert.deepEqual(all, ["ask", "start", "pause"]);
});

test("without its microphone, or in another room, a recording has ended and can be sent or discarded", () => {
  for (const why of ["lost", "leave"]) {
    for (const events of [HELD, FREE, [...FREE, ["pause", 2_000]]]) {
      const { state, all } = play(...events, [why, 2_100]);
      assert.equal(state.phase, "ended");
      assert.equal(all.at(-1), "stop");
      assert.equal(playFrom(state, ["resume", 3_000]).state.phase, "ended", "it does not go on");
      assert.deepEqual(playFrom(state, ["send", 3_000]).all, ["send"]);
      assert.deepEqual(playFrom(state, ["discard", 3_000]).all, ["discard"]);
    }
  }
});

test("what an earlier page has left is one that has ended", () => {
  const left = leftOver(41_000);
  assert.equal(elapsed(left, 1e12), 41_000);
  assert.deepEqual(playFrom(left, ["send", 5]).all, ["send"]);
});

test("events that come too late change nothing", () => {
  for (const type of ["release", "taken", "slide", "granted", "pause", "resume", "send", "discard", "lost", "leave", "tick"]) {
    const { state, all } = play([type, 1, CANCEL]);
    assert.deepEqual([state, all], [idle(), []], type);
  }
});
