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
