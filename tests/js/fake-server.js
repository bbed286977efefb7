/**
 * A server in memory that keeps the contract of docs/protocol.md: one room's log, what holds of its messages, pages of
 * it with the number up to which they are true. It tells raw events, as the real one does.
 */
const FIRST_NAMES = 1; // so few that there are often more people

const AT = Date.parse("2026-11-22T21:00:00.000Z");

export class FakeServer {
  room = "lobby";
  epoch = "e1";
  log = [];
  title = "";
  topic = "";
  #changes = new Map(); // target -> key -> seq
  #reactions = new Map(); // target -> emoji -> {since, people}
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
    const refusal = this.#judge(sender, type, target, fields);
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

  #judge(sender, type, target, { emoji, on }) {
    if (target === undefined) return null;
    const message = this.log[target - 1];
    if (message?.type !== "message") return "no_such_message";
    if (this.#deleted.has(target)) return "deleted";
    if (type === "react" && this.#reactors(target, emoji).includes(sender) === on) return "unchanged";
    return ["edit", "delete"].includes(type) && message.from !== sender ? "not_yours" : null;
  }

  #reactors = (target, emoji) => this.#reactions.get(target)?.get(emoji)?.people ?? [];

  #effect({ type, seq, target, from, emoji, on, title, topic }) {
    if (type === "settings") {
      this.title = title ?? this.title;
      this.topic = topic ?? this.topic;
    }
    if (target === undefined) return;
    if (type === "reaction") return this.#react({ seq, target, from, emoji, on });
    if (!this.#changes.has(target)) this.#changes.set(target, new Map());
    this.#changes.get(target).set(type, seq);
    if (type === "edit") this.#texts.set(target, [...(this.#texts.get(target) ?? []), seq]);
    if (type === "delete") {
      this.#deleted.add(target);
      this.#reactions.delete(target);
      const gone = [target, ...(this.#texts.get(target) ?? [])];
      for (const one of gone) this.log[one - 1] = emptied(this.log[one - 1]);
    }
  }

  #react({ seq, target, from, emoji, on }) {
    if (!this.#reactions.has(target)) this.#reactions.set(target, new Map());
    const { since = seq, people = [] } = this.#reactions.get(target).get(emoji) ?? {};
    const now = on ? [...people, from] : people.filter((person) => person !== from);
    if (now.length > 0) this.#reactions.get(target).set(emoji, { since, people: now });
    else this.#reactions.get(target).delete(emoji);
  }

  /** What is told to a reader of the reactions to these messages. */
  #reactionsTo(seqs, reader) {
    const all = seqs.flatMap((target) => Array.from(this.#reactions.get(target) ?? [], ([emoji, { since, people }]) => ({
      target, emoji, count: people.length, since, mine: people.includes(reader) || undefined,
      people: people.slice(0, FIRST_NAMES).map((id) => ({ id, name: id })),
    })));
    return all.sort((a, b) => a.since - b.since);
  }

  /** The raw events after a number. */
  after(seq) {
    return this.log.slice(seq);
  }

  #page(events, reader) {
    const seqs = events.map(({ seq }) => seq);
    return { room: this.room, events, changes: this.#changesTo(seqs), reactions: this.#reactionsTo(seqs, reader), upto: this.head };
  }

  #changesTo(seqs) {
    const all = seqs.flatMap((seq) => Array.from(this.#changes.get(seq)?.values() ?? []));
    return all.sort((a, b) => a - b).map((seq) => this.log[seq - 1]);
  }

  history({ before, after, around, limit }, reader) {
    const half = limit >> 1;
    const first = Math.max(1, before !== undefined ? before - limit : after !== undefined ? after + 1 : around - half);
    const last = Math.min(this.head, before !== undefined ? before - 1 : first + limit - 1);
    return { type: "history", ...this.#page(this.log.slice(first - 1, last), reader), more: first > 1, newer: last < this.head };
  }

  fetch(seqs, reader) {
    const events = seqs.map((seq) => this.log[seq - 1]).filter((event) => event?.type === "message");
    return { type: "fetched", ...this.#page(events, reader) };
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
