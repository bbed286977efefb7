import assert from "node:assert/strict";
import { test } from "node:test";

import { Items } from "../../static/js/core/items.js";
import { messageOf, withReaction } from "../../static/js/core/message.js";
import { noteOf } from "../../static/js/core/notes.js";
import { missingPeople } from "../../static/js/core/select.js";
import { initialState } from "../../static/js/core/state.js";

const NOW = Date.UTC(2026, 10, 22, 12);
const AT = new Date(NOW).toISOString();

function stateWith(...events) {
  const state = initialState("lobby");
  const room = state.rooms.get("lobby");
  const held = events.map((event, index) => {
    const told = { type: "message", seq: index + 1, id: `c${index}`, from: "p-bob", name: "Bob", text: "x", at: AT, ...event };
    return told.type === "message" ? messageOf(told) : told;
  });
  return {
    ...state,
    me: { id: "p-me", name: "Ada" },
    people: new Map([["p-bob", { id: "p-bob", name: "Robert", colour: 3 }]]),
    rooms: new Map([["lobby", { ...room, epoch: "e", live: { ...room.live, events: held } }]]),
  };
}

const messagesOf = (state, items = new Items()) => items.of(state, NOW).filter(({ kind }) => kind === "message");

test("a reply quotes its message in one line, with the author's present name", () => {
  const [, answer] = messagesOf(stateWith({ text: "*Who* comes?\nI do" }, { reply_to: 1 }));
  assert.deepEqual([answer.quoteWho, answer.quoteText, answer.quoteFrom], ["Robert", "Who comes? I do", "p-bob"]);
});

test("a reply to a deleted or missing message shows no text of it", () => {
  const [, toDeleted] = messagesOf(stateWith({ text: "", deleted: true }, { reply_to: 1 }));
  assert.equal(toDeleted.quoteText, "This message was deleted");
  const state = stateWith({ reply_to: 900 });
  state.rooms.get("lobby").fetched = new Map([[900, null]]);
  const [toNothing] = messagesOf(state);
  assert.deepEqual([toNothing.quoteWho, toNothing.quoteText], ["", "This message is not there any more"]);
});

test("an unchanged item is the same object, so nothing is drawn again", () => {
  const items = new Items();
  const state = stateWith({ text: "one" }, { text: "two" });
  const [one, two] = messagesOf(state, items);
  const room = state.rooms.get("lobby");
  const [first, second] = room.live.events;
  const events = [first, { ...second, text: "changed", rev: 3 }];
  const later = { ...state, rooms: new Map([["lobby", { ...room, live: { ...room.live, events } }]]) };
  const [oneLater, twoLater] = messagesOf(later, items);
  assert.equal(oneLater, one);
  assert.notEqual(twoLater, two);
});

test("people who reacted or are mentioned are fetched; a new name makes a new item", () => {
  const items = new Items();
  const state = stateWith({ text: "We won!" }, { mentions: ["p-joe", "all"] });
  const { events } = state.rooms.get("lobby").live;
  events[0] = withReaction(events[0], { emoji: "🎉", person: "p-eve", on: true, seq: 3 });
  const [reacted, mentioning] = messagesOf(state, items);
  assert.deepEqual(missingPeople(state, state.rooms.get("lobby")), ["p-eve", "p-joe"]);
  const known = ["Eve", "Joe"].map((name) => [`p-${name.toLowerCase()}`, { id: `p-${name.toLowerCase()}`, name }]);
  const [named, marked] = messagesOf({ ...state, people: new Map([...state.people, ...known]) }, items);
  assert.notEqual(named, reacted);
  assert.notEqual(marked, mentioning);
});

test("an event that is no message is told in a sentence", () => {
  const state = stateWith();
  const note = (event) => noteOf(state, { from: "p-bob", name: "Bob", room: "garden", ...event }, NOW);
  const eve = { id: "p-eve", name: "Eve" };
  assert.equal(note({ type: "created", kind: "private" }), "Robert created this room");
  assert.equal(note({ type: "settings", title: "Book club" }), "Robert named this room “Book club”");
  assert.equal(note({ type: "settings", topic: "" }), "Robert took the topic away");
  assert.equal(note({ type: "member", person: { id: "p-bob", name: "Bob" }, on: true }), "Robert joined");
  assert.equal(note({ type: "member", person: eve, on: true }), "Robert let Eve in");
  assert.equal(note({ type: "member", person: { id: "p-me", name: "Ada" }, on: false }), "Robert removed You");
});

test("what moderators do is told in a sentence, with the names of now", () => {
  const state = stateWith();
  const note = (event) => noteOf(state, { from: "p-me", name: "Ada", room: "garden", person: "p-bob", ...event }, NOW);
  const until = new Date(NOW + 3 * 86_400_000).toISOString();
  assert.equal(note({ type: "role", role: "moderator" }), "You made Robert a moderator of this room");
  assert.equal(note({ type: "role", role: "admin", room: "~server" }), "You made Robert an admin of this server");
  assert.equal(note({ type: "role", role: "member" }), "You took the role of Robert away");
  assert.equal(note({ type: "ban", on: true, until, reason: "spam", room: "~server" }), "You banned Robert until Wednesday: spam");
  assert.equal(note({ type: "ban", on: true }), "You removed Robert");
  assert.equal(note({ type: "mute", on: true, person: "p-nobody" }), "You muted Somebody");
  assert.equal(note({ type: "mute", on: false, from: "p-bob", person: "p-me" }), "Robert let you write again");
  assert.equal(note({ type: "knock", on: true, from: "p-bob" }), "Robert knocked, to be let in");
  assert.equal(note({ type: "knock", on: false }), "You sent Robert away");
  assert.equal(
    note({ type: "settings", slow_s: 30, writers: "moderators" }),
    "You set slow mode: one message each in 30 seconds · You let only moderators write here",
  );
  assert.equal(note({ type: "settings", retention_days: 7 }), "You decided that messages are deleted after 7 days");
  assert.equal(note({ type: "settings", retention_days: 365 }), "You decided that messages are deleted after 1 year");
  assert.equal(note({ type: "settings", retention_days: 0 }), "You ended that this room deletes old messages");
});
