/**
 * The app: all that views can ask for. Every method that returns a promise resolves to `{ok: true, …}` or to `{ok:
 * false, code, message}` with a sentence for people, and never rejects. See docs/page.md.
 */
import { copyAt } from "../core/copies.js";
import { openRoom, roomNamed } from "../core/select.js";
import { texts } from "../core/texts.js";
import { KeptCommands } from "./commands.js";
import { ATTEMPTS, History, PAGE } from "./history.js";

const TYPING_PAUSE_MS = 2_500;

export class App {
  /** What moderators ask for; it comes after the first view. @type {import("./moderation.js").Moderation} */
  moderation = null;

  #store;
  #session;
  #commands;
  #history;
  #drafts;
  #alerts = null;
  #typedAt = new Map();

  /**
   * @param {object} parts
   * @param {import("../core/store.js").Store} parts.store
   * @param {import("../net/session.js").Session} parts.session
   * @param {import("../net/drafts.js").Drafts} parts.drafts
   */
  constructor({ store, session, drafts }) {
    this.#store = store;
    this.#session = session;
    this.#drafts = drafts;
    this.#commands = new KeptCommands(store);
    this.#history = new History(store, session);
  }

  /**
   * Add the parts that come after the first view.
   * @param {{Alerts: typeof import("./alerts.js").Alerts, Moderation: typeof import("./moderation.js").Moderation,
   *   Recounts: typeof import("./recounts.js").Recounts, Lookups: typeof import("../net/lookups.js").Lookups}} parts
   */
  addLater({ Alerts, Moderation, Recounts, Lookups }) {
    this.#session.addLookups(Lookups);
    this.#alerts = new Alerts(this.#store);
    new Recounts(this.#store, this.#session);
    this.moderation = new Moderation(this.#store, this.#session);
  }

  get state() {
    return this.#store.state;
  }

  /** Call `listener(state, before)` after each change. @returns {() => void} ends that */
  subscribe(listener) {
    return this.#store.subscribe(listener);
  }

  /** A message outside the log, as it stands now (see core/copies.js); if it is not known, it is asked for. */
  copyAt(room, seq) {
    const copy = copyAt(this.state, room, seq);
    if (copy.message === undefined) this.#session.need(room, seq);
    return copy;
  }

  // -- kept commands --

  send(room, text, { replyTo, mentions, forwarded } = {}) {
    this.#typedAt.delete(room);
    return this.#commands.queue({ command: "send", room, text, replyTo, mentions: some(mentions), forwarded });
  }

  edit(room, seq, text, { mentions } = {}) {
    return this.#commands.queue({ command: "edit", room, target: seq, text, mentions: some(mentions) });
  }

  delete(room, seq) {
    return this.#commands.queue({ command: "delete", room, target: seq });
  }

  react(room, seq, emoji, on) {
    return this.#commands.queue({ command: "react", room, target: seq, emoji, on });
  }

  pin(room, seq, on) {
    return this.#commands.queue({ command: "pin", room, target: seq, on });
  }

  star(room, seq, on) {
    return this.#commands.queue({ command: "mine", what: "star", room, target: seq, on });
  }

  hide(room, seq, on) {
    return this.#commands.queue({ command: "mine", what: "hide", room, target: seq, on });
  }

  /** Set the notification level: "all", "mentions" or "none"; for ever or until a moment. */
  setLevel(room, level, { until = null } = {}) {
    return this.#commands.queue({ command: "mine", what: "level", room, level, until });
  }

  /** Mark the room as unread from a message on; null: undo that. */
  markUnread(room, seq) {
    return this.#commands.queue({ command: "mine", what: "unread", room, from: seq });
  }

  /** All of a room that is known here has been read. */
  markRead(name) {
    const { last, listedTo } = this.state.rooms.get(name);
    const mark = { person: this.state.me.id, delivered: 0, read: Math.max(last, listedTo) };
    this.#store.dispatch({ type: "readMarkers", frame: { room: name, marks: [mark] } });
  }

  /** Block a person, or (`on` false) no longer. */
  block(person, on) {
    return this.#commands.queue({ command: "mine", what: "block", person, on });
  }

  /** Try a failed entry again. */
  retry(id) {
    this.#commands.retry(id);
  }

  /** Give up a failed entry. */
  discard(id) {
    this.#store.dispatch({ type: "discarded", id });
  }

  /** The notice has been seen. */
  dismiss(id) {
    this.#store.dispatch({ type: "dismissed", id });
  }

  // -- the room on the screen --

  /**
   * Open a room, of the list or a public one, whose name may be in another spelling: the answer has the right one. Its view
   * then says what of it is in view (`viewed`).
   */
  async openRoom(asked) {
    const name = roomNamed(this.state, asked);
    const isMarkedUnread = this.state.mine.current.has(`unread ${name}`);
    this.#store.dispatch({ type: "opened", name });
    if (isMarkedUnread && this.state.mine.current.get(`unread ${name}`).from_seq !== null) this.markUnread(name, null);
    const answer = await this.#session.subscribeToOpenRoom();
    const { room = name } = answer;
    if (answer.ok && room === this.state.open) {
      const { live } = openRoom(this.state);
      if (live.events.length < PAGE / 2) await this.loadOlder();
    }
    return answer.ok ? { ok: true, room } : answer;
  }

  /** Jump to a message, in whatever room. */
  async jumpTo(asked, seq) {
    const room = roomNamed(this.state, asked);
    if (room === this.state.open) return this.#history.jumpTo(room, seq);
    const opened = await this.openRoom(room);
    return opened.ok ? this.#history.jumpTo(opened.room, seq) : opened;
  }

  /** Have a message of the open room in the log. */
  bring(room, seq) {
    return this.#history.bring(room, seq);
  }

  /** Back to the newest messages. */
  toLatest() {
    this.#store.dispatch({ type: "toLatest", room: this.state.open });
  }

  loadOlder() {
    return this.#history.loadOlder();
  }

  loadNewer() {
    return this.#history.loadNewer();
  }

  /** These messages as they are now; also for quotes: afterwards `messageAt` knows them. */
  fetch(room, seqs) {
    return this.#history.fetch(room, seqs);
  }

  // -- rooms and people --

  createRoom({ kind, name, title, topic }) {
    return this.#ask({ type: "create", kind, room: name, title, topic }, ({ room }) => ({ room }));
  }

  direct(person) {
    return this.#ask({ type: "direct", person }, ({ room }) => ({ room }));
  }

  /** Read the requests, in as many answers as they take: afterwards they are in the state. */
  async requests() {
    const requests = [];
    let cursor;
    do {
      const answer = await this.#session.ask({ type: "requests", cursor });
      if (!answer.ok) return answer;
      requests.push(...answer.requests);
      ({ cursor } = answer);
    } while (cursor);
    this.#store.dispatch({ type: "requests", items: requests });
    return { ok: true, requests };
  }

  /** Accept a request, or decline it. */
  async answerRequest(room, accept) {
    const answer = await this.#ask({ type: "answer_request", room, accept });
    if (answer.ok) this.#store.dispatch({ type: "answered", room });
    return answer;
  }

  /** Title, topic, or what of the policy is to change: see `DEFAULT_POLICY`. */
  setRoom(room, changes) {
    return this.#ask({ type: "settings", room, ...changes }, ({ seq }) => ({ seq }));
  }

  enter(room) {
    return this.#ask({ type: "enter", room }, ({ seq }) => ({ seq }));
  }

  leave(room) {
    return this.#ask({ type: "part", room }, ({ seq }) => ({ seq }));
  }

  /** @param {{expiresIn?: number, uses?: number}} options seconds and a count; 0: without an end */
  invite(room, { expiresIn, uses } = {}) {
    return this.#ask({ type: "invite", room, expires_s: expiresIn, uses }, (answer) => ({
      token: answer.token,
      expiresAt: answer.expires_at,
      uses: answer.uses,
    }));
  }

  invites(room) {
    return this.#ask({ type: "invites", room }, ({ invites }) => ({ invites }));
  }

  uninvite(room) {
    return this.#ask({ type: "uninvite", room });
  }

  peek(token) {
    return this.#ask({ type: "peek", token }, ({ room, kind, title = "", topic = "", members, by }) => ({
      room, kind, title, topic, members, by,
    }));
  }

  /** @param {string} title of the room, as `peek` told it */
  async accept(token, title = "") {
    const answer = await this.#ask({ type: "accept", token }, ({ room, waiting = false }) => ({ room, isWaiting: waiting }));
    if (answer.isWaiting) this.#store.dispatch({ type: "knocked", room: answer.room, title, on: true });
    return answer.code === "already_there" ? { ok: true, room: answer.room, isWaiting: false } : answer;
  }

  async info(room) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const frame = await this.#session.ask({ type: "info", room });
      if (!frame.ok) return frame;
      this.#store.dispatch({ type: "info", frame });
      const { info } = this.state.rooms.get(room) ?? { info: frame };
      if (info) return { ok: true, info };
    }
    return { ok: false, code: "offline", message: texts.askOffline };
  }

  /** All further members of a room whose `info` had a cursor, in as many answers as they take. */
  async moreMembers(room) {
    for (let cursor; (cursor = this.state.rooms.get(room)?.info?.cursor);) {
      const frame = await this.#session.ask({ type: "info", room, cursor });
      if (!frame.ok) return frame;
      this.#store.dispatch({ type: "members", frame });
      if (this.state.rooms.get(room)?.info?.cursor === cursor) break; // of no use, as the room's numbers are others now
    }
    return { ok: true };
  }

  directory(query, cursor) {
    return this.#ask({ type: "directory", query, cursor }, ({ rooms, cursor: next }) => ({ rooms, cursor: next }));
  }

  async people(ids) {
    const answer = await this.#ask({ type: "people", ids }, ({ people }) => ({ people }));
    if (answer.ok) this.#store.dispatch({ type: "people", people: answer.people });
    return answer;
  }

  /** Those whom one may mention in a room, by the beginning of their name; not all, if they are many. */
  async mentionable(room, query) {
    const answer = await this.#ask({ type: "mentionable", room, query }, ({ people }) => ({ people }));
    if (answer.ok) this.#store.dispatch({ type: "people", people: answer.people });
    return answer;
  }

  receipts(room, seq, cursor) {
    return this.#ask({ type: "receipts", room, seq, cursor }, ({ read, delivered, cursor: next }) => ({ read, delivered, cursor: next }));
  }

  /** Who has put what to a message, in the order in which they did: those after number `after`. */
  reactions(room, seq, after) {
    return this.#ask({ type: "reactions", room, seq, after }, ({ reactions, more }) => ({ reactions, more: Boolean(more) }));
  }

  /** All versions of a message, in as many answers as they take. */
  async versions(room, seq) {
    const events = [];
    for (let more = true; more;) {
      const answer = await this.#session.ask({ type: "versions", room, seq, after: events.at(-1)?.seq });
      if (!answer.ok) return answer;
      events.push(...answer.events);
      more = answer.more;
    }
    return { ok: true, events };
  }

  /** What is found is in the state (`copyAt`); a hit has the number, and the words that were found with their places. */
  async search(query, { room, cursor, limit } = {}) {
    const answer = await this.#session.ask({ type: "search", query, room, cursor, limit });
    if (!answer.ok) return answer;
    this.#store.dispatch({ type: "found", events: answer.hits.map(({ event }) => event) });
    const hits = answer.hits.map(({ event: { room: name, seq, text }, marks }) => ({
      room: name, seq, highlights: placesOf(text, marks),
    }));
    return { ok: true, hits, cursor: answer.cursor };
  }

  // -- oneself --

  async rename(name) {
    const answer = await this.#ask({ type: "rename", name }, ({ user }) => ({ user }));
    if (answer.ok) this.#session.renamed(answer.user);
    return answer;
  }

  /** @param {{colour?: number, picture?: string}} changes picture: Base64, empty for none */
  async setProfile({ colour, picture }) {
    return this.#profile({ colour, picture });
  }

  /**
   * What is shown of oneself, after these changes.
   * @param {{seen?: boolean, receipts?: boolean, typing?: boolean}} changes
   * @returns {Promise<object>} the same fields
   */
  async setPrivacy({ seen, receipts, typing } = {}) {
    const answer = await this.#profile({ show_seen: seen, show_receipts: receipts, show_typing: typing });
    if (answer.ok && !answer.seen) this.#store.dispatch({ type: "presenceHidden" });
    if (answer.ok) await this.#session.subscribeToOpenRoom(); // what is shown of others has changed as well
    return answer;
  }

  async #profile(changes) {
    const answer = await this.#ask({ type: "profile", ...changes }, (frame) => ({
      user: frame.user, seen: frame.show_seen ?? true, receipts: frame.show_receipts ?? true, typing: frame.show_typing ?? true,
    }));
    if (answer.ok) this.#store.dispatch({ type: "me", me: { ...answer.user, hasChosenName: this.state.me.hasChosenName } });
    return answer;
  }

  linkDevice() {
    return this.#ask({ type: "link" }, ({ code, expires_s: expiresIn }) => ({ code, expiresIn }));
  }

  /** Whom a code stands for; it stays good. */
  whose(code) {
    return this.#ask({ type: "peek_link", ...codeField(code) }, ({ user }) => ({ user }));
  }

  /** Become the person of a device code, or of a recovery code. Who one was is kept (`otherKeys`). */
  useCode(code) {
    return this.#session.logIn(codeField(code));
  }

  /** Begin as a new user. */
  startAnew() {
    return this.#session.logIn({});
  }

  /** The other people that one was here. @returns {import("../net/identity.js").Key[]} */
  get otherKeys() {
    return this.#session.otherKeys;
  }

  /** Be one of them again. */
  goBack({ tokens: [token], chosen }) {
    return this.#session.logIn({ token, chosen });
  }

  forgetKey({ tokens: [token] }) {
    this.#session.forgetKey(token);
  }

  devices() {
    return this.#ask({ type: "devices" }, ({ devices, recovery }) => ({ devices, recoveryAt: recovery }));
  }

  /** Log out a device; null: all others. */
  logOut(device) {
    return this.#ask({ type: "log_out", ...(device === null ? { all: true } : { device }) });
  }

  async makeRecoveryCode() {
    const answer = await this.#ask({ type: "recovery" }, ({ code }) => ({ code }));
    if (answer.ok) this.#store.dispatch({ type: "recovery" });
    return answer;
  }

  async #ask(frame, pick = () => ({})) {
    const answer = await this.#session.ask(frame);
    return answer.ok ? { ok: true, ...pick(answer) } : answer;
  }

  // -- without an answer --

  /** The person is typing in this room; call it at each key. */
  typing(room) {
    const now = Date.now();
    if (now - (this.#typedAt.get(room) ?? 0) < TYPING_PAUSE_MS) return;
    this.#typedAt.set(room, now);
    this.#session.tell({ type: "typing", room });
  }

  setDraft(room, text) {
    this.#drafts.set(room, text);
  }

  /** Whether nothing that was written is lost by a reload. */
  get isKept() {
    return this.state.outbox.length === 0 && this.#drafts.areKept;
  }

  viewed(view) {
    this.#store.dispatch({ type: "viewed", ...view });
  }

  tryNow() {
    this.#session.connection.start();
    this.#session.connection.checkNow();
  }

  /** Call `listener({message, room, sound, notification})` for each new message that makes a sound or a notification, in one tab. */
  onNews(listener) {
    this.#alerts.onNews(listener);
  }

  /** An event came: alert the person if it is a message that asks for it. Before the views are there, another tab does. */
  onEvent(frame) {
    return this.#alerts?.onEvent(frame);
  }
}

/** A recovery code is longer than a device code. */
const codeField = (code) => (code.replaceAll(/[-\s]/g, "").length > 12 ? { recover: code } : { link: code });

/** Marks, which are counted in code points, as places in a string, with what stands there. */
function placesOf(text, marks) {
  const characters = Array.from(text);
  return marks.map(([begin, end]) => {
    const from = characters.slice(0, begin).join("").length;
    const word = characters.slice(begin, end).join("");
    return { from, to: from + word.length, word };
  });
}

const some = (list) => (list?.length > 0 ? list : undefined);
