import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { canonicalEmoji, emojiCount, remember, searchEmoji, unpackEmoji, withTone } from "../../static/js/core/emoji.js";
import { emojiTexts } from "../../static/js/core/emoji-texts.js";

const list = unpackEmoji(JSON.parse(await readFile(new URL("../../static/vendor/emoji.json", import.meta.url), "utf8")));
const found = (query) => searchEmoji(list, query).map(({ emoji }) => emoji);

test("a text of one to three emoji is shown big", () => {
  for (const text of ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "1️⃣", "❤️", "❤", "👩🏽‍🚀", " 🎉 "]) assert.equal(emojiCount(text), 1, text);
  assert.equal(emojiCount("👋👋🏿"), 2);
  assert.equal(emojiCount("🇩🇪 🇫🇷 🇯🇵"), 3);
  for (const text of ["", " ", "a", "1", "#", "12", "©", "😀 a", "😀😀😀😀", "🇩", "\u200d", "😀".repeat(10_000), "1 2 3"]) {
    assert.equal(emojiCount(text), 0, text);
  }
});

test("every emoji of the list counts as one, in every tone", () => {
  for (const { emoji, skins } of list) for (const each of [emoji, ...skins]) assert.equal(emojiCount(each), 1, each);
});

test("an emoji has one canonical form", () => {
  assert.equal(canonicalEmoji("👍\ufe0f"), "👍");
  assert.equal(canonicalEmoji("❤\ufe0f"), "❤\ufe0f");
  assert.ok(list.some(({ emoji }) => emoji === "👍"));
});

const CASES = JSON.parse(await readFile(new URL("./emoji.json", import.meta.url), "utf8")); // the server's test reads them as well

test("a reaction in the form that the server tells is one emoji, and keeps its form", () => {
  for (const { written, reaction } of CASES) {
    if (reaction === null) continue;
    assert.equal(canonicalEmoji(reaction), reaction, written);
    assert.equal(emojiCount(reaction), 1, written);
  }
});

test("every emoji that is offered is a reaction, in the very form in which the server logs it", async () => {
  const table = await readFile(new URL("../../trio_chat/model/emoji_table.py", import.meta.url), "utf8");
  const known = new Set(table.split(/[\s"]+/u));
  for (const { emoji, skins } of list) for (const each of [emoji, ...skins]) assert.ok(known.has(each), each);
});

test("every emoji has a label, a group with a name, and five tones or none", () => {
  assert.ok(list.length > 1_800);
  for (const { emoji, label, group, skins } of list) {
    assert.ok(label, emoji);
    assert.ok(emojiTexts.emojiGroups[group], emoji);
    assert.ok([0, 5].includes(skins.length), emoji);
  }
  assert.equal(new Set(list.map(({ emoji }) => emoji)).size, list.length);
});

test("searching finds by label and tags, the likeliest first", () => {
  assert.equal(found("thumbs up")[0], "👍");
  assert.equal(found("Pizza")[0], "🍕");
  assert.ok(found("laugh").includes("😂"));
  assert.ok(found("smil fac").length > 3);
  assert.equal(found("piñata")[0], "🪅");
  assert.equal(found("pinata")[0], "🪅");
  assert.deepEqual(found("🍕"), ["🍕"]);
  assert.deepEqual(found("qqqq"), []);
  assert.ok(found("a").length <= 60);
});

test("a tone changes emoji with skin, and no others", () => {
  const named = (label) => list.find((each) => each.label === label);
  assert.equal(withTone(named("waving hand"), 3), "👋🏽");
  assert.equal(withTone(named("waving hand"), 0), "👋");
  assert.equal(withTone(named("woman and man holding hands"), 5), "👫🏿");
  assert.equal(withTone(named("pizza"), 3), "🍕");
});

test("recently used emoji are remembered, each once, up to some rows", () => {
  assert.deepEqual(remember(["a", "b"], "b"), ["b", "a"]);
  assert.deepEqual(remember([], "a"), ["a"]);
  assert.equal(remember(Array.from({ length: 40 }, (_, number) => String(number)), "x").length, 27);
});
