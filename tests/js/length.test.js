import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_PARTS, inParts, leftIn } from "../../static/js/core/length.js";

const LIMITS = { textChars: 4_000, messageBytes: 65_536 };

test("characters are counted as the server does, in code points", () => {
  assert.equal(leftIn("x".repeat(4_000), LIMITS), 0);
  assert.equal(leftIn("x".repeat(3_801), LIMITS), 199);
  assert.equal(leftIn("😀".repeat(3_990), LIMITS), 10);
  assert.equal(leftIn("é".normalize("NFD").repeat(2_001), LIMITS), -2);
  assert.equal(leftIn("👨‍👩‍👧".repeat(800), LIMITS), 0, "five code points each");
  assert.ok(leftIn("hello", LIMITS) >= 200);
  assert.equal(leftIn("x".repeat(1e6), { textChars: 0, messageBytes: 0 }), Infinity);
});

test("bytes are counted as they are sent, where they are fewer", () => {
  const limits = { textChars: 100_000, messageBytes: 65_536 };
  const room = 65_536 - 4_096 - 2; // the quotes
  assert.equal(leftIn("x".repeat(room), limits), 0);
  assert.equal(leftIn("ü".repeat(room / 2), limits), 0);
  assert.equal(leftIn("\u0000".repeat(room / 6), limits), room % 6, "escaped");
  assert.ok(leftIn("\n".repeat(40_000), limits) < 0);
  assert.ok(leftIn("x".repeat(70_000), { textChars: 0, messageBytes: 65_536 }) < 0);
});

test("a text that fits is one part", () => {
  assert.deepEqual(inParts(" hello ", LIMITS), ["hello"]);
  assert.deepEqual(inParts("x".repeat(4_000), LIMITS), ["x".repeat(4_000)]);
  assert.deepEqual(inParts("  ", LIMITS), []);
});

const small = { textChars: 20, messageBytes: 0 };

for (const [what, text, expected] of [
  ["between paragraphs", "one two three.\n\nfour five six seven", ["one two three.", "four five six seven"]],
  ["between lines", "one two. three\nfour five six seven", ["one two. three", "four five six seven"]],
  ["between sentences", "One two three. Four five six.", ["One two three.", "Four five six."]],
  ["between words", "one two three four five six", ["one two three four", "five six"]],
  ["without spaces", "x".repeat(45), ["x".repeat(20), "x".repeat(20), "x".repeat(5)]],
  ["Chinese", "一二三四五六七八九十一二三四。一二三四五六七八", ["一二三四五六七八九十一二三四。", "一二三四五六七八"]],
  ["the indentation of code stays", "for (;;) {\n    work();\n    rest();\n}", ["for (;;) {", "    work();\n    rest();\n}".slice(0, 11), "    rest();\n}"]],
]) {
  test(`a long text is cut ${what}`, () => assert.deepEqual(inParts(text, small), expected));
}

test("no character is cut, not even one that is made of many", () => {
  for (const face of ["😀", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "é".normalize("NFD"), "क्षि"]) {
    const parts = inParts(face.repeat(30), small);
    assert.equal(parts.join(""), face.repeat(30));
    for (const part of parts) assert.equal(part.replaceAll(face, ""), "", part);
  }
});

test("one character that is too long in itself is cut all the same", () => {
  const heap = `a${"\u0301".repeat(50)}`;
  const parts = inParts(heap, small);
  assert.equal(parts.join(""), heap);
  assert.ok(parts.every((part) => Array.from(part).length <= 20));
});

test("each part fits, whatever the text, and nothing but white space is lost", () => {
  const letters = ["a", "b ", "\n", "\n\n", ". ", "😀", "\u0301", "\u0000", "\ud83d", "。", "\t"];
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: 200 }, () => letters[Math.floor(random() * letters.length)]).join("");
    for (const limits of [small, { textChars: 0, messageBytes: 4_096 + 100 }]) {
      const parts = inParts(text, limits);
      assert.ok(parts.every((part) => leftIn(part, limits) >= 0 && part !== ""));
      assert.equal(parts.join("").replaceAll(/\s/g, ""), text.replaceAll(/\s/g, ""));
    }
  }
});

test("a book is no message, and what the server does not say is taken as usual", () => {
  assert.equal(inParts("x".repeat(4_000 * MOST_PARTS + 1), LIMITS), null);
  assert.equal(inParts("x".repeat(66_000), LIMITS).length, 17);
  assert.equal(inParts("x".repeat(4_001), { textChars: 0, messageBytes: 0 }).length, 2);
});
