import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { split } from "../../static/js/core/links.js";

const CASES = JSON.parse(await readFile(new URL("./links.json", import.meta.url), "utf8"));
const linksIn = (text) => split(text).filter(({ href }) => href).map(({ text: shown }) => shown);

test("an address in a sentence is a link, the text around it is not", () => {
  assert.deepEqual(split("see https://example.org/a?b=c#d, please"), [
    { text: "see " },
    { text: "https://example.org/a?b=c#d", href: "https://example.org/a?b=c#d" },
    { text: ", please" },
  ]);
});

test("punctuation around an address is not part of it, brackets opened in it are", () => {
  assert.deepEqual(linksIn("(http://a.example/x)."), ["http://a.example/x"]);
  assert.deepEqual(linksIn("https://en.wikipedia.org/wiki/Trio_(music)!"), ["https://en.wikipedia.org/wiki/Trio_(music)"]);
  assert.deepEqual(linksIn('"https://a.example/"'), ["https://a.example/"]);
  assert.deepEqual(linksIn("HTTPS://A.EXAMPLE/b…"), ["HTTPS://A.EXAMPLE/b"]);
});

test("only http and https become links", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "xhttps://a.example", "http://", "https://:80"]) {
    assert.deepEqual(linksIn(text), [], text);
  }
});

test("an address ends at a bidi control, which could disguise it", () => {
  assert.deepEqual(linksIn("https://a.example/\u202egpj.exe"), ["https://a.example/"]);
});

test("the cases that the server knows too", () => {
  for (const { about, text, links, hosts = links.map(() => null) } of CASES) {
    const pieces = split(text);
    assert.deepEqual(linksIn(text), links, about);
    assert.deepEqual(pieces.filter(({ href }) => href).map(({ host }) => host ?? null), hosts, about);
    assert.equal(pieces.map((piece) => piece.text).join(""), text, about);
  }
});

test("an address without a scheme leads to https", () => {
  assert.equal(split("www.example.com/x")[0].href, "https://www.example.com/x");
});

test("the pieces together are the text", () => {
  for (const text of ["", "https://a.example", "a https://b.example) c http://d.example/…  \n", "https://)))", "http://[::1"]) {
    assert.equal(split(text).map((piece) => piece.text).join(""), text);
  }
});

test("a text made to be slow is parsed in linear time", () => {
  const before = process.cpuUsage(); // the processor's time, which no other program adds to
  split(`https://a.example/${")".repeat(100_000)}`);
  split(`https://a.example/${"(.".repeat(50_000)}`);
  split("https://".repeat(20_000));
  split("http".repeat(50_000));
  for (const piece of ["https://a.example,", "www.a.example,", "https://a.example/a的", "https://a@", "https://a.a的", "www.", "https://ä."]) {
    split(piece.repeat(4_000));
  }
  split(`https://${"ä".repeat(100_000)}.example/`);
  split(`https://${"a.".repeat(100_000)}`);
  assert.ok(process.cpuUsage(before).user < 10_000_000, "quadratic time would be minutes");
});
