import assert from "node:assert/strict";
import { test } from "node:test";

import { withLocalDays } from "../../static/js/core/query.js";
import { clock, dayLabel, dayNumber, inLocalTime, today } from "../../static/js/core/time.js";

const zoneBefore = process.env.TZ;
const HOUR = 3_600_000;

/** Run in a time zone, into which the page comes as it does on a journey: it looks at the day now and then. */
function inZone(zone, run) {
  process.env.TZ = zone;
  try {
    today();
    return run();
  } finally {
    if (zoneBefore === undefined) delete process.env.TZ;
    else process.env.TZ = zoneBefore;
    today();
  }
}

test("another time zone is another day, and times are those of it at once", () => {
  const at = Date.UTC(2026, 10, 22, 21, 30);
  const [berlin, tokyo] = ["Europe/Berlin", "Asia/Tokyo"].map((zone) => inZone(zone, () => [today(at), clock(at), dayNumber(at)]));
  assert.notEqual(berlin[0], tokyo[0]);
  assert.notEqual(berlin[1], tokyo[1]);
  assert.equal(tokyo[2] - berlin[2], 1);
});

test("a zone that differs only in summer is another one as well", () => {
  const at = Date.UTC(2026, 0, 15);
  assert.notEqual(inZone("America/Phoenix", () => today(at)), inZone("America/Denver", () => today(at)));
});

test("the days around a change of the clocks are days like others", () => {
  inZone("Europe/Berlin", () => {
    for (const change of [new Date(2026, 2, 29), new Date(2026, 9, 25)]) {
      const noon = change.getTime() + 12 * HOUR;
      assert.equal(dayNumber(noon) - dayNumber(noon - 24 * HOUR), 1);
      assert.equal(dayLabel(change.getTime() - HOUR, noon), "Yesterday");
      assert.equal(dayLabel(change.getTime(), noon), "Today");
    }
  });
});

test("the day changes at midnight here", () => {
  inZone("Asia/Kolkata", () => {
    const midnight = new Date(2026, 10, 23).getTime();
    assert.notEqual(today(midnight - 1), today(midnight));
    assert.equal(today(midnight), today(midnight + HOUR));
  });
});

test("what the server says of moments is said in local time", () => {
  inZone("Asia/Tokyo", () => {
    const sentence = inLocalTime("A moderator has removed you from this server until 2026-11-30 20:05 UTC: spam.");
    assert.match(sentence, /until .*Dec 1.*5:05.*: spam\.$/);
    assert.doesNotMatch(sentence, /UTC/);
    assert.match(inLocalTime("Go on after midnight UTC."), /^Go on after 9:00.*\.$/);
    assert.equal(inLocalTime("No moment here."), "No moment here.");
  });
});

test("before: and after: mean the days of the person", () => {
  inZone("America/New_York", () => {
    assert.equal(withLocalDays("apple after:2026-11-01 before:2026-11-02"), "apple after:2026-11-01T04:00:00Z before:2026-11-02T05:00:00Z");
    assert.equal(withLocalDays('AFTER:"2026-07-01" from:"before:2026-01-01"'), 'AFTER:2026-07-01T04:00:00Z from:"before:2026-01-01"');
  });
  inZone("UTC", () => assert.equal(withLocalDays("after: 2026-11-01 x"), "after:2026-11-01T00:00:00Z x"));
  inZone("Pacific/Auckland", () => assert.equal(withLocalDays("after:2026-01-01"), "after:2025-12-31T11:00:00Z"));
});

test("what is no day is left to the server, which says how a day is written", () => {
  for (const query of ["after:2026-02-30", "before:yesterday", '"after:2026-11-01"', "xafter:2026-11-01", "after:2026-1-1"]) {
    assert.equal(withLocalDays(query), query);
  }
});
