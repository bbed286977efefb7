import assert from "node:assert/strict";
import { test } from "node:test";

import { EVERYBODY, completeMention, mentionAt, mentionCandidates, mentionIds } from "../../static/js/core/mentions.js";

const PEOPLE = [
  { id: "p-1", name: "Grace Adams" },
  { id: "p-2", name: "Ada Lovelace" },
  { id: "p-3", name: "Nadia" },
  { id: "p-4", name: "Ádám" },
  { id: "p-5", name: "小明" },
  { id: EVERYBODY, name: "all" },
];

const candidates = (query, ...rest) => mentionCandidates(query, PEOPLE, ...rest).map(({ name }) => name);

test("a mention begins with an @ that is not inside a word", () => {
  assert.deepEqual(mentionAt("hi @ad", 6), { start: 3, query: "ad" });
  assert.deepEqual(mentionAt("@", 1), { start: 0, query: "" });
  assert.deepEqual(mentionAt("@ada love", 9), { start: 0, query: "ada love" });
  assert.deepEqual(mentionAt("你@小", 3), { start: 1, query: "小" });
  assert.deepEqual(mentionAt("@ada tail", 2), { start: 0, query: "a" });
});

test("an @ in an address, a finished sentence or code is no mention", () => {
  for (const text of ["me@ad", "ad", "@ ad", "@a b c d", "@ad\nx", "@ad`", `@${"a".repeat(41)}`, "@a  b", ""]) {
    assert.equal(mentionAt(text, text.length), null, text);
  }
  assert.equal(mentionAt("@ad", 0), null);
});

test("suggestions: beginnings of names first, then beginnings of words, then the rest", () => {
  assert.deepEqual(candidates("ad"), ["Ada Lovelace", "Ádám", "Grace Adams", "Nadia"]);
  assert.deepEqual(candidates("ADAM"), ["Ádám", "Grace Adams"]);
  assert.deepEqual(candidates("love"), ["Ada Lovelace"]);
  assert.deepEqual(candidates("明"), ["小明"]);
  assert.deepEqual(candidates("al"), ["all"]);
  assert.deepEqual(candidates("xyz"), []);
  assert.deepEqual(candidates("", 2), ["Grace Adams", "Ada Lovelace"]);
});

test("completing inserts the name and puts the caret behind it", () => {
  assert.deepEqual(completeMention("hi @ad, you", 6, { start: 3 }, "Ada Lovelace"), { text: "hi @Ada Lovelace , you", caret: 17 });
  assert.deepEqual(completeMention("@a b", 2, { start: 0 }, "Ada"), { text: "@Ada b", caret: 5 });
});

test("a text mentions the people it names, but not inside code", () => {
  assert.deepEqual(mentionIds("@ada lovelace and @all", PEOPLE), ["p-2", EVERYBODY]);
  assert.deepEqual(mentionIds("`@Nadia` a@Nadia @nobody", PEOPLE), []);
});

test("of two people with one name the chosen one is mentioned", () => {
  const people = [{ id: "p-1", name: "Ada" }, { id: "p-2", name: "ada" }, { id: "p-3", name: "Bob" }];
  assert.deepEqual(mentionIds("@Ada @Bob", people), ["p-1", "p-2", "p-3"]);
  assert.deepEqual(mentionIds("@Ada @Bob", people, new Set(["p-2"])), ["p-2", "p-3"]);
});
