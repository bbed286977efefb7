import assert from "node:assert/strict";
import { test } from "node:test";

import { TabElection } from "../../static/js/net/tab-election.js";

/** What all tabs of a browser share. */
function storage() {
  const values = new Map();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

test("of several tabs that receive a message at once, one notifies", async () => {
  const shared = storage();
  const tabs = ["a", "b", "c"].map((name) => new TabElection(name, () => shared, soon));
  for (let seq = 1; seq < 20; seq += 1) {
    const won = await Promise.all(tabs.map((tab) => tab.wins("lobby", "e", seq)));
    assert.equal(won.filter(Boolean).length, 1);
  }
});

test("a late tab does not notify again, and two that claim at once do not both", async () => {
  const shared = storage();
  const early = new TabElection("a", () => shared, soon);
  assert.ok(await early.wins("lobby", "e", 5));
  assert.ok(!(await new TabElection("b", () => shared, soon).wins("lobby", "e", 5)));
  // Each reads before the other's write is there.
  const blind = (name) => ({ ...shared, getItem: onceNothing(shared) });
  const both = await Promise.all(["c", "d"].map((name) => new TabElection(name, () => blind(name), soon).wins("lobby", "e", 6)));
  assert.ok(both.filter(Boolean).length <= 1);
});

function onceNothing(shared) {
  let isFirst = true;
  return (key) => {
    if (!isFirst) return shared.getItem(key);
    isFirst = false;
    return null;
  };
}

test("a new epoch claims anew, and without storage every tab notifies", async () => {
  const shared = storage();
  const tab = new TabElection("a", () => shared, soon);
  assert.ok(await tab.wins("lobby", "e", 5));
  assert.ok(await tab.wins("lobby", "e2", 1));
  const blocked = () => { throw new Error("blocked"); };
  assert.ok(await new TabElection("a", blocked, soon).wins("lobby", "e", 1));
});
