import assert from "node:assert/strict";
import { test } from "node:test";

import { COLOURS, colourOf, initialsOf } from "../../static/js/core/people.js";

test("a person has the same colour every time, and people have different ones", () => {
  assert.equal(colourOf("p-3vH8cYk2"), colourOf("p-3vH8cYk2"));
  const colours = new Set(Array.from({ length: 100 }, (_, number) => colourOf(`p-${number}`)));
  assert.equal(colours.size, COLOURS);
});

test("initials are the first letters of the first and last word, in any script", () => {
  assert.equal(initialsOf("Ada"), "A");
  assert.equal(initialsOf("ada lovelace"), "AL");
  assert.equal(initialsOf("Brave Little Otter"), "BO");
  assert.equal(initialsOf("👩‍👩‍👧 Ångström"), "👩‍👩‍👧Å");
  assert.equal(initialsOf("…"), "…");
});

test("the people of a room have as many colours as there are; who has one keeps it, and a chosen one counts", async () => {
  const { spreadColours } = await import("../../static/js/core/people.js");
  const room = Array.from({ length: COLOURS }, (_, index) => ({ id: `spread-${index}` }));
  spreadColours(room.slice(0, 3));
  const first = room.slice(0, 3).map(({ id }) => colourOf(id));
  spreadColours(room.toReversed());
  assert.equal(new Set(room.map(({ id }) => colourOf(id))).size, COLOURS);
  assert.deepEqual(room.slice(0, 3).map(({ id }) => colourOf(id)), first);
  spreadColours([...Array.from({ length: COLOURS - 1 }, (_, colour) => ({ id: `chosen-${colour}`, colour })), { id: "last" }]);
  assert.equal(colourOf("last"), COLOURS - 1);
  spreadColours([{ id: "far", colour: 11 }, { id: "alone" }]);
  assert.ok(colourOf("alone") < COLOURS);
});
