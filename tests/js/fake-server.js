/**
 * A server in memory that keeps the contract of docs/protocol.md: one room's log, what holds of its messages, pages of
 * it with the number up to which they are true. It tells raw events, as the real one does.
 */
const AT = Date.parse("2026-11-22T21:00:00.000Z");

export class FakeServer {
  room = "lobby";
  epoch = "e1";
  log = [];
  title = "";
  topic = "";
  #changes = new Map(); // target -> key -> seq
  #texts = new Map(); // target -> seqs of its edits
  #deleted = new Set();
  #known = new Map(); // "sender id" -> seq
  #read = new Map();

  get head() {
    return this.log.length;
  }

  /** Somebody gives a command. @returns {{seq: number} | {code: string}} */
  command(sender, { id, type, seq: target, ...fields }) {
    const known = this.#known.get(`${sender} ${id}`);
    if (known) return { seq: known };
    const refusal = this.#judge(sender, type, target);
    if (refusal) return { code: refusal };
    const event = {
      type: { send: "message", react: "reaction" }[type] ?? type, room: this.room, seq: this.head + 1, id, from: sender, name: sender,
      at: new Date(AT + 1000 * this.head).toISOString(), ...fields,
    };
    if (target) event.target = target;
    this.log.push(event);
    this.#known.set(`${sender} ${id}`, event.seq);
    this.#effect(event);
    return { seq: event.seq };
  }

  #judge(sender, type, target) {
    if (target === undefined) return null;
    const message = this.log[target - 1];
    if (message?.type !== "message") return "no_such_message";
    if (this.#deleted.has(target)) return "deleted";
    return ["edit", "delete"].includes(type) && message.from !== sender ? "not_yours" : null;
  }

  #effect({ type, seq, target, from, emoji, title, topic }) {
    if (type === "settings") {
      this.title = title ?? this.title;
      this.topic = topic ?? this.topic;
    }
    if (target === undefined) return;
    const key = type === "reaction" ? `react:${from}:${emoji}` : type;
    if (!this.#changes.has(target)) this.#changes.set(target, new Map());
    this.#changes.get(target).set(key, seq);
    if (type === "edit") this.#texts.set(target, [...(this.#texts.get(target) ?? []), seq]);
    if (type === "delete") {
      this.#deleted.add(target);
      const gone = [target, ...(this.#texts.get(target) ?? [])];
      for (const one of gone) this.log[one - 1] = emptied(this.log[one - 1]);
    }
  }

  /** The raw events after a number. */
  after(seq) {
    return this.log.slice(seq);
  }

  #page(first, last) {
    const events = this.log.slice(first - 1, last);
    return { room: this.room, events, changes: this.#changesTo(events.map(({ seq }) => seq)), upto: this.head };
  }

  #changesTo(seqs) {
    const all = seqs.flatMap((seq) => Array.from(this.#changes.get(seq)?.values() ?? []));
    return all.sort((a, b) => a - b).map((seq) => this.log[seq - 1]);
  }

  history({ before, after, around, limit }) {
    const half = limit >> 1;
    const first = Math.max(1, before !== undefined ? before - limit : after !== undefined ? after + 1 : around - half);
    const last = Math.min(this.head, before !== undefined ? before - 1 : first + limit - 1);
    return { type: "history", ...this.#page(first, last), more: first > 1, newer: last < this.head };
  }

  fetch(seqs) {
    const events = seqs.map((seq) => this.log[seq - 1]).filter((event) => event?.type === "message");
    return { type: "fetched", room: this.room, events, changes: this.#changesTo(events.map(({ seq }) => seq)), upto: this.head };
  }

  info() {
    const pins = Array.from(this.#changes)
      .filter(([target, keys]) => !this.#deleted.has(target) && keys.has("pin") && this.log[keys.get("pin") - 1].on)
      .map(([target]) => target);
    return { type: "info", room: this.room, kind: "public", title: this.title, topic: this.topic, members: [], pins, upto: this.head };
  }

  read(person, seq) {
    this.#read.set(person, Math.max(seq, this.#read.get(person) ?? 0));
  }

  welcome(person) {
    const read = this.#read.get(person) ?? 0;
    const messages = this.log.filter(({ type }) => type === "message");
    const unread = messages.filter(({ seq, from, deleted }) => seq > read && from !== person && !deleted).length;
    const last = messages.at(-1);
    const known = last && this.#changesTo([last.seq]).findLast(({ type }) => type === "edit");
    const now = last && known && !last.deleted ? { ...last, text: known.text, mentions: known.mentions } : last;
    const item = {
      room: this.room, head: this.head, epoch: this.epoch, kind: "public", title: this.title, topic: this.topic, read, unread: Math.min(100, unread),
      last: now,
    };
    const mine = { room: `~${person}`, head: 0, epoch: "m", events: [] };
    return { type: "welcome", user: { id: person, name: person }, rooms: [item], mine };
  }

  joined(cursor, page) {
    const after = cursor === null ? Math.max(0, this.head - page) : cursor.after;
    return { type: "joined", room: this.room, head: this.head, epoch: this.epoch, after, reset: false, proof: `proof of ${after}` };
  }
}

/** What is told of a message, or of an edit, whose body is gone. */
function emptied({ type, room, seq, id, from, name, at }) {
  const common = { type, room, seq, id, from, name, at, text: "", deleted: true };
  return type === "edit" ? { ...common, target: 0 } : common;
}
