import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { initialState, reduce } from "../../static/js/core/state.js";
import { withInfoChange } from "../../static/js/core/room-info.js";
import * as permissions from "../../static/js/core/permissions.js";
import { reportsAfter, withReports } from "../../static/js/core/reports.js";
import * as standing from "../../static/js/core/standing.js";

const NOW = Date.UTC(2026, 10, 22, 12);
const SERVER_ROLES = { "s-moderator": "moderator", "s-admin": "admin", "s-owner": "owner" };
const ROOM_ROLES = { outsider: null, member: "member", moderator: "moderator", owner: "owner", "s-moderator": "member", "s-admin": "member", "s-owner": "member" };

/** The state of somebody who is in a room like those of the table. */
function stateOf(me, { room: name, kind }) {
  const state = initialState(name);
  const isServer = name === standing.SERVER;
  const roles = isServer ? SERVER_ROLES : ROOM_ROLES;
  const hasOwner = name === "garden" || kind === "private";
  const info = (known) => ({
    members: Object.entries(known).filter(([, role]) => role).map(([id, role]) => ({ id, name: id, role })),
    restricted: [], knocking: [], pins: [], count: 0, upto: 0,
  });
  const room = {
    ...state.rooms.get(name), kind, owner: hasOwner ? "owner" : null, isMember: Boolean(roles[me]), info: info(roles),
    role: roles[me] === "member" ? null : roles[me],
  };
  const rooms = new Map([[name, room]]);
  if (!isServer && SERVER_ROLES[me]) {
    rooms.set(standing.SERVER, { ...room, name: standing.SERVER, kind: "server", owner: null, role: SERVER_ROLES[me], isMember: true, info: info(SERVER_ROLES) });
  }
  return { state: { ...state, me: { id: me, name: me }, isListed: true, rooms, open: name }, room };
}

test("the page offers what the server allows", async () => {
  const table = JSON.parse(await readFile(new URL("standing.json", import.meta.url), "utf8"));
  for (const row of table) {
    const { state, room } = stateOf(row.sender, row);
    // Only those who run the server know of the roles of others there; the others hear from the server that they may not.
    if (row.person in SERVER_ROLES && row.person !== row.sender && !permissions.runsServer(state)) continue;
    const isMember = room.isMember || row.kind === "public";
    const told = {
      mute: isMember && permissions.mayMute(state, room, row.person),
      ban: isMember && permissions.mayBan(state, room, row.person),
      settings: isMember && permissions.maySetPolicy(state, room),
    };
    const expected = { mute: row.mute, ban: row.ban, settings: row.settings };
    if (isMember && row.room !== standing.SERVER) {
      told.delete = permissions.mayDelete(state, room, row.person);
      expected.delete = row.delete;
    }
    if (row.roles) {
      const present = room.name === standing.SERVER ? standing.serverRoleOf(state, row.person) : standing.roleIn(state, room, row.person);
      told.roles = isMember ? permissions.rolesToGive(state, room, row.person).filter((role) => role !== present) : [];
      expected.roles = row.roles;
    }
    assert.deepEqual(told, expected, JSON.stringify(row));
  }
});

test("the shorter of a room's retention and the server's holds", () => {
  const kept = (retentionDays, own, name = "garden") =>
    standing.retentionOf({ retentionDays }, { name, policy: own ? { retention_days: own } : {} });
  assert.equal(kept(0, 0), 0);
  assert.equal(kept(30, 0), 30);
  assert.equal(kept(0, 7), 7);
  assert.equal(kept(30, 7), 7);
  assert.equal(kept(7, 30), 7);
  assert.equal(kept(7, 0, standing.SERVER), 0);
});

test("a policy holds what is not at its default", () => {
  const slow = standing.policyAfter({}, { slow_s: 30, writers: "moderators" });
  assert.deepEqual(slow, { slow_s: 30, writers: "moderators" });
  assert.deepEqual(standing.policyAfter(slow, { slow_s: 0, topic: "x" }), { writers: "moderators" });
});

test("who may write now is said with when it changes", () => {
  const { state, room } = stateOf("member", { room: "garden", kind: "public" });
  const writing = (changes) => permissions.writingIn(state, { ...room, ...changes }, NOW);
  assert.deepEqual(writing({}), { kind: "open" });
  assert.deepEqual(writing({ policy: { writers: "moderators" } }), { kind: "announcements" });
  assert.deepEqual(writing({ muted: { until: NOW + 5 } }), { kind: "muted", until: NOW + 5 });
  assert.deepEqual(writing({ muted: { until: NOW } }), { kind: "open" });
  assert.deepEqual(writing({ kind: "private", isMember: false }), { kind: "shut" });
  const live = { ...room.live, events: [{ type: "message", from: "member", atMs: NOW - 10_000 }, { type: "message", from: "owner", atMs: NOW }] };
  assert.deepEqual(writing({ policy: { slow_s: 30 }, live }), { kind: "slow", until: NOW + 20_000 });
  assert.deepEqual(writing({ policy: { slow_s: 10 }, live }), { kind: "open" });
  const { state: moderators, room: theirs } = stateOf("moderator", { room: "garden", kind: "public" });
  assert.deepEqual(permissions.writingIn(moderators, { ...theirs, policy: { slow_s: 30 }, live }, NOW), { kind: "open" });
});

test("who is restricted, who waits and who has which role follows from events", () => {
  let info = { members: [{ id: "a", role: "owner" }, { id: "b" }], count: 2, pins: [], restricted: [], knocking: [], upto: 1 };
  const event = (fields) => (info = withInfoChange(info, { room: "garden", seq: info.upto + 1, from: "a", ...fields }));
  event({ type: "mute", person: "b", on: true, until: new Date(NOW).toISOString() });
  assert.deepEqual(info.restricted, [{ what: "mute", person: "b", until: NOW }]);
  event({ type: "ban", person: "b", on: true });
  assert.deepEqual([info.members.length, info.count, info.restricted.at(-1)], [1, 1, { what: "ban", person: "b", until: Infinity }]);
  event({ type: "knock", person: "c", on: true });
  assert.deepEqual(info.knocking, ["c"]);
  event({ type: "member", person: { id: "c", name: "C" }, on: true });
  event({ type: "member", person: { id: "b", name: "B" }, on: true });
  assert.deepEqual([info.knocking, info.restricted.map(({ what }) => what), info.count], [[], ["mute"], 3]);
  event({ type: "role", person: "b", role: "owner" });
  assert.deepEqual(info.members.map(({ id, role }) => `${id} ${role}`), ["a moderator", "c undefined", "b owner"]);
});

test("the open reports follow from what was listed and from events, also when the list comes late", () => {
  const report = (seq) => ({ type: "report", room: "~server", seq, from: "c", name: "Cy", person: "b", of: "garden", target: 7, text: "x", why: "spam", at: new Date(NOW).toISOString() });
  const resolve = (seq, target, state) => ({ type: "resolve", room: "~server", seq, from: "a", target, state, person: "b" });
  assert.equal(reportsAfter(null, report(1)), null);
  const room = { recent: { changes: [report(3), resolve(4, 1, "done"), resolve(5, 3, "taken")] } };
  const { reports } = withReports(room, { reports: [{ event: report(1) }, { event: report(2), taken_by: "d" }] });
  assert.deepEqual(reports.map(({ seq, takenBy }) => [seq, takenBy]), [[2, "d"], [3, "a"]]);
  assert.deepEqual(reportsAfter(reports, resolve(6, 2, "open")).map(({ takenBy }) => takenBy), [null, "a"]);
  assert.deepEqual(reportsAfter(reports, { ...report(7), deleted: true }), reports);
});

test("a mute everywhere holds in each room, and the later end of the two is shown", () => {
  const { state, room } = stateOf("s-owner", { room: "garden", kind: "public" });
  const writing = (everywhere, here) =>
    permissions.writingIn({ ...state, standing: { ...state.standing, muted: everywhere } }, { ...room, muted: here }, NOW);
  assert.deepEqual(writing(null, null), { kind: "open" });
  assert.deepEqual(writing({ until: NOW }, { until: NOW }), { kind: "open" });
  assert.deepEqual(writing({ until: NOW + 9 }, null), { kind: "muted", until: NOW + 9 });
  assert.deepEqual(writing({ until: NOW + 9 }, { until: Infinity }), { kind: "muted", until: Infinity });
});

test("the list of rooms and the server tell of a mute, and what was only guessed is forgotten", () => {
  const told = (until) => ({ type: "welcome", frame: { user: { id: "me", name: "Me" }, rooms: [{ room: "lobby", head: 0, epoch: "e", joined: true, muted_until: until }] } });
  const muted = reduce(initialState("lobby"), told("2026-11-22T13:00:00.000Z"));
  assert.deepEqual(muted.rooms.get("lobby").muted, { until: NOW + 3_600_000 });
  assert.deepEqual(reduce(muted, told("9998-12-31T23:59:59.000Z")).rooms.get("lobby").muted, { until: Infinity });
  const free = reduce(muted, told(undefined));
  assert.equal(free.rooms.get("lobby").muted, null);
  const guessing = { ...free, rooms: new Map([["lobby", { ...free.rooms.get("lobby"), muted: { until: Infinity, isGuess: true } }]]) };
  const standing = reduce(guessing, { type: "standing", frame: { muted_until: "9998-12-31T23:59:59.000Z" } });
  assert.deepEqual([standing.rooms.get("lobby").muted, standing.standing.muted], [null, { until: Infinity }]);
});

test("in an emergency only who is known writes", () => {
  const { state, room } = stateOf("member", { room: "garden", kind: "public" });
  const quiet = (standing) => permissions.writingIn({ ...state, standing: { mode: "open", quietUntil: null, newUntil: null, ...standing } }, room, NOW);
  assert.deepEqual(quiet({ quietUntil: NOW + 9 }), { kind: "open" });
  assert.deepEqual(quiet({ quietUntil: NOW + 9, newUntil: NOW + 9 }), { kind: "quiet", until: NOW + 9 });
  assert.deepEqual(quiet({ quietUntil: NOW, newUntil: NOW + 9 }), { kind: "open" });
});
