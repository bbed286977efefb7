/**
 * Reactions to a message: counted, with some of the people.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, messageOf } from "../../static/js/core/message.js";
import { texts } from "../../static/js/core/texts.js";
import { folded } from "../../static/js/core/window.js";

const ME = "p-me";
const MESSAGE = { type: "message", room: "lobby", seq: 1, from: "p-bob", name: "Bob", text: "hi", at: "2026-11-22T21:00:00.000Z" };
const event = (seq, from, on = true, emoji = "👍") => ({ type: "reaction", room: "lobby", seq, target: 1, from, emoji, on });
const after = (message, ...events) => events.reduce((now, one) => changed(now, one, ME), message);
const seen = ({ reactions }) => reactions.map(({ emoji, count, isMine, people }) => [emoji, count, isMine, people.join(" ")]);

/** The message as a page tells it at number 10: seven people, of whom two are told. */
const many = (fields = {}) =>
  folded({ events: [MESSAGE], reactions: [{ target: 1, emoji: "👍", count: 7, since: 2, people: [{ id: "p-a" }, { id: "p-b" }], ...fields }], upto: 10 }, [], ME)[0];

test("who reacts is counted, whether all are known or not", () => {
  assert.deepEqual(seen(many()), [["👍", 7, false, "p-a p-b"]]);
  assert.deepEqual(seen(after(many(), event(11, "p-x"))), [["👍", 8, false, "p-a p-b"]]);
  assert.deepEqual(seen(after(many(), event(11, "p-x", false))), [["👍", 6, false, "p-a p-b"]]);
  assert.deepEqual(seen(after(many(), event(11, "p-a", false))), [["👍", 6, false, "p-b"]]);
  assert.deepEqual(seen(after(many(), event(10, "p-x"))), seen(many()), "what the page knows already");
});

test("one's own reaction is known apart from the names", () => {
  assert.deepEqual(seen(after(many(), event(11, ME))), [["👍", 8, true, "p-a p-b"]]);
  assert.deepEqual(seen(after(many({ mine: true }), event(11, ME, false))), [["👍", 6, false, "p-a p-b"]]);
  assert.deepEqual(seen(after(many({ mine: true }), event(11, "p-x", false))), [["👍", 6, true, "p-a p-b"]]);
});

test("when so many have gone that those who are left are known, all are known again", () => {
  const left = after(many({ count: 3 }), event(11, "p-x", false), event(12, "p-y"));
  assert.deepEqual(seen(left), [["👍", 3, false, "p-a p-b p-y"]]);
  assert.deepEqual(seen(after(left, event(13, "p-a", false), event(14, "p-b", false), event(15, "p-y", false))), []);
});

test("an emoji stands where it came until nobody has put it, and then comes anew", () => {
  const message = messageOf(MESSAGE);
  const both = after(message, event(2, "p-a"), event(3, "p-b", true, "🎉"), event(4, "p-c"), event(5, "p-a", false));
  assert.deepEqual(seen(both), [["👍", 1, false, "p-c"], ["🎉", 1, false, "p-b"]]);
  assert.deepEqual(seen(after(both, event(6, "p-c", false), event(7, "p-c"))), [["🎉", 1, false, "p-b"], ["👍", 1, false, "p-c"]]);
});

test("what older logs say twice counts once", () => {
  assert.deepEqual(seen(after(messageOf(MESSAGE), event(2, "p-a"), event(3, "p-a"), event(4, "p-b", false))), [["👍", 1, false, "p-a"]]);
});

test("of several people some are named", () => {
  assert.equal(texts.talkNames(["You", "Bob"], 2), "You and Bob");
  assert.equal(texts.talkNames(["Ada", "Bob"], 7), "Ada, Bob and 5 more");
  assert.equal(texts.talkNames([], 7), "7 people");
  assert.equal(texts.talkNames([], 1), "1 person");
});
