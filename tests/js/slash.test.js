import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS, parseSlash, slashCandidates } from "../../static/js/core/slash.js";

test("commands that stand for a text become messages", () => {
  assert.deepEqual(parseSlash("/me  waves"), { kind: "text", text: "/me waves" });
  assert.deepEqual(parseSlash("/shrug"), { kind: "text", text: "¯\\_(ツ)_/¯" });
  assert.deepEqual(parseSlash("/shrug who knows"), { kind: "text", text: "who knows ¯\\_(ツ)_/¯" });
});

test("other commands go to the page with their argument", () => {
  assert.deepEqual(parseSlash("/topic Lunch at noon "), { kind: "command", command: "topic", argument: "Lunch at noon" });
  assert.deepEqual(parseSlash("/HELP"), { kind: "command", command: "help", argument: "" });
  assert.deepEqual(parseSlash("/nick\nAda"), { kind: "command", command: "nick", argument: "Ada" });
});

test("a text that only looks like a command is sent as it is", () => {
  for (const text of ["/usr/bin/env", "/", "/ me", "a /me", " /help", "/42", "/s/a/b/", "hello", "/me/you"]) {
    assert.deepEqual(parseSlash(text), { kind: "text", text });
  }
  assert.deepEqual(parseSlash("//help"), { kind: "text", text: "/help" });
});

test("an unknown or incomplete command is explained and not sent", () => {
  assert.match(parseSlash("/topci x").message, /Do you mean \/topic\?/);
  assert.match(parseSlash("/launch").message, /no command \/launch.*\/help/);
  assert.match(parseSlash("/x").message, /no command \/x/);
  assert.match(parseSlash("/topic").message, /\/topic Lunch/);
  assert.match(parseSlash("/me ").message, /\/me waves/);
  assert.equal(parseSlash(`/${"a".repeat(60_000)}`).kind, "error");
});

test("commands are offered while their name is typed", () => {
  const offered = (text, caret = text.length) => slashCandidates(text, caret).map(({ name }) => name);
  assert.deepEqual(offered("/"), COMMANDS.map(({ name }) => name));
  assert.deepEqual(offered("/T"), ["topic", "title"]);
  assert.deepEqual(offered("/topic "), []);
  assert.deepEqual(offered("/topic", 3), ["topic"]);
  assert.deepEqual(offered("a /"), []);
});

test("each command has a usage and says what it does", () => {
  for (const { name, usage, about } of COMMANDS) {
    assert.ok(usage.startsWith(`/${name}`), name);
    assert.ok(about.length > 5, name);
  }
});
