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

test("a name that goes on is no mention: another word, a mail address, an identifier", () => {
  const people = [
    { id: "b", name: "Bob" }, { id: "s", name: "Bob Smith" }, { id: "a", name: "Ada-Lou" }, { id: "u", name: "x_y" }, { id: "m", name: "小明" },
    { id: "d", name: "Dr. No" }, { id: EVERYBODY, name: "all" },
  ];
  const meant = (text) => mentionIds(text, people).join(" ");
  for (const text of [
    "@all-hands", "@all_hands", "@allhands", "@all.hands", "@all-hands meeting", "@bob_smith", "@bob__smith", "@bob.smith@example.com", "@bob@example.com",
    "@bob-lee", "@bob‑lee", "@bob/package", "@bob:example.org", "@bob=1", "@bob+tag", "@bob&co", "@bobby", "@bob2", "@bóbé", "bob@all", "x@bob", "x@bob.example",
    "social.example/@bob", "https://social.example/@bob", "`@bob`", "```\n@bob\n```", "@ bob", "@\u200bbob", "＠bob",
  ]) {
    assert.equal(meant(text), "", text);
  }
  for (const [text, ids] of [
    ["@bob", "b"], ["@BOB.", "b"], ["@bob's turn", "b"], ["@bob’s", "b"], ["@bob: hi", "b"], ["@bob, @all!", "b all"], ["(@bob)", "b"], ["@bob?!", "b"],
    ["@bob...wait", "b"], ["@bob—hi", "b"], ["@bob/@all", "b all"], ["_@bob_ *@all*", "b all"], ["@bob_", "b"], ["@bob-", "b"], ["@bob @bob", "b"],
    ["@bob smith", "s"], ["@bob smithson", "b"], ["@bob smith-jones", "b"], ["@Bob  Smith", "b"], ["@ada-lou", "a"], ["@ada-lou-x", ""], ["@ada", ""],
    ["@x_y", "u"], ["@x_y_z", ""], ["@dr. no", "d"], ["@dr. no.", "d"], ["@dr. nobody", ""],
    ["你好@小明你好", "m"], ["@小明：你好", "m"], ["@小明-你好", "m"], ["谢谢@bob。", "b"], ["@bob你好", "b"], ["@all大家", "all"],
  ]) {
    assert.equal(meant(text), ids, text);
  }
});

test("of two people with one name the chosen one is mentioned", () => {
  const people = [{ id: "p-1", name: "Ada" }, { id: "p-2", name: "ada" }, { id: "p-3", name: "Bob" }];
  assert.deepEqual(mentionIds("@Ada @Bob", people), ["p-1", "p-2", "p-3"]);
  assert.deepEqual(mentionIds("@Ada @Bob", people, new Set(["p-2"])), ["p-2", "p-3"]);
});
