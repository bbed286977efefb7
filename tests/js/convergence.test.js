/**
 * Whatever is lost, late or cut, in the end everybody sees what one sees who opens the page anew.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import { pinsOf, unreadOf } from "../../static/js/core/around.js";
import { changed, messageOf } from "../../static/js/core/message.js";
import { nextToSend } from "../../static/js/core/outbox.js";
import { cursorOf, isGap } from "../../static/js/core/room.js";
import { openRoom, shown, titleOf } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { commandOf } from "../../static/js/net/protocol.js";
import { FakeServer } from "./fake-server.js";

const RUNS = Number(process.env.TRIO_CHAT_RUNS ?? 300);
const STEPS = 120;
const PAGE = 7; // small, so that there are many
const PEOPLE = ["p-me", "p-bob", "p-eve", "p-ann", "p-joe"];
const [ME] = PEOPLE;
const EMOJI = ["👍", "❤️"];

/** Numbers that look random and are the same for the same seed (mulberry32). */
function generator(seed) {
  let a = seed;
  const random = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit) => Math.floor(random() * limit);
  return { below, chance: (part) => random() < part, pick: (list) => list[below(list.length)] };
}

/** A page with a connection that delivers in order, slowly, and breaks. Answers may overtake events and be overtaken. */
class Client {
  state = initialState("lobby");
  #server;
  #heard = 0; // how much of the log was put on the way
  #events = [];
  #answers = [];
  #isUp = false;
  #sent = null;
  unchanged = []; // own reactions that were so already

  constructor(server, { isRestored = true } = {}) {
    this.#server = server;
    this.#do({ type: "me", me: { id: ME, name: ME, hasChosenName: true } });
    if (isRestored) this.#do({ type: "restored", entries: [] });
  }

  #do(action) {
    this.state = reduce(this.state, action);
  }

  do(action) {
    this.#do(action);
  }

  /** @param {{isFar?: boolean}} missed so much that the server does not tell it all */
  connect({ isFar = false } = {}) {
    this.#isUp = true;
    const frame = this.#server.welcome(ME);
    this.#do({ type: "welcome", frame });
    const cursor = cursorOf(openRoom(this.state));
    const joined = { ...this.#server.joined(isFar ? null : cursor, PAGE), reset: isFar && cursor !== null };
    this.#do({ type: "joined", frame: joined, isFresh: cursor === null });
    this.#do({ type: "connection", phase: "online" });
    this.#heard = joined.after;
  }

  cut() {
    this.#isUp = false;
    this.#events = [];
    this.#answers = [];
    this.#sent = null;
    this.#server.read(ME, openRoom(this.state).read);
    this.#do({ type: "connection", phase: "waiting", retryAt: 0 });
  }

  get isUp() {
    return this.#isUp;
  }

  /** The server puts more of its log on the way. */
  pump() {
    if (!this.#isUp) return;
    this.#events.push(...this.#server.after(this.#heard));
    this.#heard = this.#server.head;
  }

  hear(count = 1) {
    for (const frame of this.#events.splice(0, count)) {
      assert.ok(!isGap(openRoom(this.state), frame));
      this.#do({ type: "event", frame });
    }
  }

  ask(way) {
    if (!this.#isUp) return;
    const [name] = Object.keys(way);
    this.#do({ type: "loading", room: "lobby", way: name });
    this.#answers.push({ type: "history", frame: this.#server.history({ ...way, limit: PAGE }, ME), asked: way });
  }

  fetch(seqs) {
    if (this.#isUp) this.#answers.push({ type: "fetched", frame: this.#server.fetch(seqs, ME), seqs });
  }

  info() {
    if (this.#isUp) this.#answers.push({ type: "info", frame: this.#server.info() });
  }

  answered(index = 0) {
    for (const action of this.#answers.splice(index, 1)) this.#do(action);
  }

  /** The sender's way: one at a time; command or answer may get lost with the connection. */
  send({ isCommandLost = false, isAnswerLost = false } = {}) {
    const entry = nextToSend(this.state);
    if (!this.#isUp || !entry || isCommandLost) return;
    const answer = this.#server.command(ME, JSON.parse(JSON.stringify(commandOf(entry))));
    if (isAnswerLost) return;
    if (answer.seq) this.#do({ type: "acked", id: entry.id, seq: answer.seq });
    else this.#do({ type: "failed", id: entry.id, code: answer.code, reason: answer.code });
    if (answer.code === "unchanged") this.unchanged.push(entry.id);
  }

  settle() {
    if (!this.#isUp) this.connect();
    for (;;) {
      while (nextToSend(this.state)) this.send();
      this.pump();
      this.hear(Infinity);
      while (this.#answers.length > 0) this.answered();
      if (this.#heard === this.#server.head && !nextToSend(this.state)) return;
    }
  }

  /** Page up and down until everything there is stands there. */
  readAll() {
    this.settle();
    for (;;) {
      const window = openRoom(this.state).detached ?? openRoom(this.state).live;
      if (window.hasOlder) this.ask({ before: window.first });
      else if (window.hasNewer) this.ask({ after: window.last });
      else return;
      this.settle();
    }
  }
}

/** Numbers of a few messages to which many react. */
function popular({ log }) {
  const messages = log.filter(({ type, deleted }) => type === "message" && !deleted).slice(5, 8);
  return messages.length > 0 ? messages.map(({ seq }) => seq) : [1];
}

/** Somebody does something that may or may not be allowed. */
function something(random, server, number) {
  const seq = 1 + random.below(Math.max(1, server.head));
  return random.pick([
    { type: "send", text: `text ${number}`, mentions: random.pick([undefined, [ME], ["all"]]) },
    { type: "send", text: `reply ${number}`, reply_to: seq },
    { type: "edit", seq, text: `edit ${number}` },
    { type: "delete", seq },
    { type: "react", seq, emoji: random.pick(EMOJI), on: random.chance(0.7) },
    { type: "react", seq: random.pick(popular(server)), emoji: EMOJI[0], on: random.chance(0.6) },
    { type: "pin", seq, on: random.chance(0.7) },
    { type: "settings", title: random.pick([undefined, `title ${number}`]), topic: `topic ${number}` },
  ]);
}

const entryOf = ({ type, seq, reply_to: replyTo, ...fields }, id) =>
  ({ id, at: 0, command: type, room: "lobby", target: seq, replyTo, ...fields });

/** What a person sees, and nothing else. */
function visible(state) {
  const room = openRoom(state);
  const { events } = shown(state, room);
  return {
    events: events.map(withoutNames),
    title: titleOf(state, room),
    topic: room.topic,
    pins: pinsOf(state, room),
    last: room.lastMessage && (({ seq, text, isDeleted }) => ({ seq, text, isDeleted }))(room.lastMessage),
  };
}

/** An event without what is known up to some number only: of several people who reacted not everybody. */
const withoutNames = ({ rev: _, ...event }) => (event.reactions ? { ...event, reactions: event.reactions.map(({ people: __, ...one }) => one) } : event);

function fresh(server) {
  const client = new Client(server);
  client.connect();
  client.readAll();
  client.info();
  client.settle();
  return client;
}

function run(seed) {
  const random = generator(seed);
  const server = new FakeServer();
  const client = new Client(server);
  const own = new Set();
  const busy = (step) => () => {
    for (let more = random.below(4); more >= 0; more -= 1) {
      server.command(random.pick(PEOPLE), { id: `s${step}.${more}`, ...something(random, server, `${step}.${more}`) });
    }
  };
  for (let step = 0; step < 30; step += 1) busy(`before ${step}`)();
  for (let step = 0; step < STEPS; step += 1) {
    const room = openRoom(client.state);
    const window = room.detached ?? room.live;
    random.pick([
      busy(step),
      busy(step),
      () => {
        const what = something(random, server, step);
        if (what.type === "settings") return;
        own.add(`c${step}`);
        client.do({ type: "queued", entry: entryOf(what, `c${step}`) });
      },
      () => client.send({ isCommandLost: random.chance(0.2), isAnswerLost: random.chance(0.2) }),
      () => client.pump(),
      () => client.hear(1 + random.below(6)),
      () => client.hear(1 + random.below(6)),
      () => window.hasOlder && client.ask({ before: window.first }),
      () => window.hasNewer && client.ask({ after: window.last }),
      () => server.head > 0 && client.ask({ around: 1 + random.below(server.head) }),
      () => server.head > 0 && client.fetch([1 + random.below(server.head)]),
      () => client.info(),
      () => client.answered(random.below(3)),
      () => client.answered(),
      () => client.do({ type: "toLatest", room: "lobby" }),
      () => client.do({ type: "viewed", isAtBottom: random.chance(0.5) }),
      () => (client.isUp ? random.chance(0.5) && client.cut() : client.connect({ isFar: random.chance(0.2) })),
    ])();
    checkHeld(client.state, server, seed);
  }
  client.readAll();
  return { server, client, own };
}

/** At every moment each message held is what the log up to the number that the page knows says. */
function checkHeld(state, server, seed) {
  const room = openRoom(state);
  const held = [...room.live.events, ...(room.detached?.events ?? []), ...room.fetched.values()];
  for (const message of held) {
    if (message?.type !== "message" || server.log[message.seq - 1].deleted) continue;
    const upto = Math.max(message.rev, room.last);
    let expected = messageOf(server.log[message.seq - 1]);
    for (const event of server.log.slice(message.seq, upto)) {
      if (event.target === message.seq) expected = changed(expected, event, ME);
    }
    const where = `seed ${seed}, number ${message.seq} at ${upto}`;
    assert.deepEqual(withoutNames(message), withoutNames(expected), where);
    for (const [index, { people }] of message.reactions.entries()) {
      assert.deepEqual(people, expected.reactions[index].people.slice(0, people.length), where);
    }
  }
}

test(`in ${RUNS} random runs the page converges to what a fresh page shows`, () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const { server, client, own } = run(seed);
    const other = fresh(server);
    client.info();
    client.settle();
    assert.deepEqual(visible(client.state), visible(other.state), `seed ${seed}`);
    assert.equal(client.state.outbox.filter(({ status }) => status !== "failed").length, 0, `seed ${seed}`);
    const logged = server.log.filter(({ from, id }) => from === ME && own.has(id)).map(({ id }) => id);
    assert.equal(new Set(logged).size, logged.length, `seed ${seed}: nothing twice`);
    const failed = client.state.outbox.map(({ id }) => id).concat(client.state.notices.map(({ id }) => id));
    assert.deepEqual([...logged, ...failed, ...client.unchanged].sort(), Array.from(own).sort(), `seed ${seed}: nothing lost`);
  }
});

test("messages fetched for quotes and pins follow changes too", () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const { server, client } = run(seed);
    const truth = new Map(fresh(server).state.rooms.get("lobby").live.events.map((event) => [event.seq, event]));
    for (const [seq, message] of openRoom(client.state).fetched) {
      if (message === null) assert.notEqual(server.log[seq - 1].type, "message");
      else assert.deepEqual(withoutNames(message), withoutNames(truth.get(seq)), `seed ${seed}, number ${seq}`);
    }
  }
});

test("unread counts: none after reading to the end, the server's count without reading", () => {
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const { server, client } = run(seed);
    client.do({ type: "toLatest", room: "lobby" });
    client.do({ type: "viewed", isAtBottom: false });
    client.do({ type: "viewed", isAtBottom: true });
    assert.equal(unreadOf(openRoom(client.state)).count, 0, `seed ${seed}`);
    server.read(ME, openRoom(client.state).read);
    client.do({ type: "viewed", isAtBottom: false });
    for (let number = 0; number < 20; number += 1) {
      server.command("p-bob", { id: `u${number}`, ...something(generator(seed * 100 + number), server, number) });
    }
    client.settle();
    assert.equal(unreadOf(openRoom(client.state)).count, server.welcome(ME).rooms[0].unread, `seed ${seed}`);
  }
});
