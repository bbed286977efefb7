import assert from "node:assert/strict";
import { test } from "node:test";

import { isEntry, nextStep } from "../../static/js/core/trail.js";

/** A browser's history, and a page that is opened in it. */
class Browser {
  entries = [null];
  at = 0;

  constructor(isPhone) {
    this.wanted = { screen: "room", room: "lobby", layers: 0, isPhone, isSamePlace: false };
    this.settle();
  }

  settle(changes = {}) {
    Object.assign(this.wanted, changes);
    for (let step, count = 0; (step = nextStep(this.entries[this.at], this.wanted)); count += 1) {
      assert.ok(count < 10, "it comes to an end");
      if (step.go) this.at += step.go;
      else if (step.replace) this.entries[this.at] = step.replace;
      else {
        this.entries.splice((this.at += 1), Infinity, step.push);
      }
      assert.ok(this.at >= 0, "it does not leave the page");
      assert.ok(isEntry(this.entries[this.at]));
    }
    return this;
  }

  /** What stands in the history, what is open above a place as a +, and where it is now. */
  get shown() {
    const name = ({ screen, room, index, base }) => (screen === "list" ? "list" : room) + "+".repeat(index - base);
    return this.entries.map((entry, index) => (index === this.at ? `[${name(entry)}]` : name(entry))).join(" ");
  }
}

test("on a desktop each room that one opens is an entry", () => {
  const browser = new Browser(false);
  assert.equal(browser.shown, "[lobby]");
  assert.equal(browser.settle({ room: "a" }).settle({ room: "b" }).shown, "lobby a [b]");
  assert.equal(browser.settle({ room: "b" }).shown, "lobby a [b]");
});

test("on a phone the list is behind the room, and entries do not pile up", () => {
  const browser = new Browser(true);
  assert.equal(browser.shown, "list [lobby]");
  for (const room of ["a", "b", "c"]) {
    assert.match(browser.settle({ screen: "list" }).shown, /^\[list\] /);
    assert.equal(browser.settle({ screen: "room", room }).shown, `list [${room}]`);
  }
  assert.equal(browser.settle({ room: "d" }).shown, "list [d]", "by a notification say");
});

test("what is open is an entry above its place, and goes with it", () => {
  const browser = new Browser(true).settle({ layers: 2 });
  assert.equal(browser.shown, "list lobby lobby+ [lobby++]");
  assert.equal(browser.settle({ layers: 1 }).shown, "list lobby [lobby+] lobby++");
  assert.equal(browser.settle({ layers: 0, screen: "list" }).shown.split(" ")[0], "[list]");
  assert.equal(browser.settle({ layers: 1 }).shown, "list [list+]");
  assert.equal(browser.settle({ layers: 0, screen: "room", room: "a" }).shown, "list [a]");
});

test("a panel that stays open beside the rooms stays on top", () => {
  const browser = new Browser(false).settle({ layers: 1 }).settle({ room: "a" });
  assert.equal(browser.shown, "lobby a [a+]");
});

test("after a reload what was open is no more", () => {
  const browser = new Browser(false).settle({ room: "a" }).settle({ layers: 2 });
  assert.equal(browser.settle({ layers: 0 }).shown, "lobby [a] a+ a++");
});

test("a room in the place of another one makes no entry", () => {
  const browser = new Browser(false).settle({ room: "a" });
  assert.equal(browser.settle({ room: "b", isSamePlace: true }).shown, "lobby [b]");
});

test("a window that became narrow shows the list in the place of the room", () => {
  const browser = new Browser(false).settle({ room: "a", });
  assert.equal(browser.settle({ isPhone: true, screen: "list" }).shown, "lobby [list]");
  assert.equal(browser.settle({ screen: "room", room: "b" }).shown, "lobby list [b]");
});

test("what others left in the history is no entry of ours", () => {
  for (const state of [null, undefined, 1, {}, { screen: "room", room: "a" }, { index: 1, base: 0, screen: "else" }]) assert.ok(!isEntry(state));
});
