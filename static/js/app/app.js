/**
 * The app: all that views can ask for; what the first view does not need is in questions.js. Every method that returns a promise resolves to `{ok: true, …}` or to `{ok:
 * false, code, message}` with a sentence for people, and never rejects. See docs/page.md.
 */
import { copyAt } from "../core/copies.js";
import { openRoom, roomNamed } from "../core/select.js";
import { KeptCommands } from "./commands.js";
import { History, PAGE } from "./history.js";

const TYPING_PAUSE_MS = 2_500;

export class App {
  /** What moderators ask for; it comes after the first view. @type {import("./moderation.js").Moderation} */
  moderation = null;

  /** Messages with files; it comes after all views. @type {import("./files.js").Files} */
  files = null;

  /** Resolves when it is there. @type {Promise<void>} */
  filesReady;

  #store;
  #session;
  #commands;
  #history;
  #drafts = null;
  #alerts = null;
  #typedAt = new Map();

  /**
   * @param {object} parts
   * @param {import("../core/store.js").Store} parts.store
   * @param {import("../net/session.js").Session} parts.session
   */
  constructor({ store, session }) {
    this.#store = store;
    this.#session = session;
    this.#commands = new KeptCommands(store);
    this.#history = new History(store, session);
  }

  /**
   * Add the parts that come after the first view.
   * @param {{Alerts: typeof import("./alerts.js").Alerts, Moderation: typeof import("./moderation.js").Moderation,
   *   Recounts: typeof import("./recounts.js").Recounts, Lookups: typeof import("../net/lookups.js").Lookups,
   *   Drafts: typeof import("../net/drafts.js").Drafts,
   *   questions: typeof import("./questions.js").questions, files: Promise<typeof import("./files.js")>}} parts
   */
  addLater({ Alerts, Moderation, Recounts, Lookups, Drafts, questions, files }) {
    Object.assign(this, questions(this.#store, this.#session));
    this.#session.addLookups(Lookups);
    this.#drafts = new Drafts(this.#store);
    this.filesReady = files.then(({ Files }) => void (this.files = new Files(this.#store, this.#session, this)));
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

  /** With files: see `Files.send`. */
  send(room, text, { replyTo, mentions, forwarded, files } = {}) {
    this.#typedAt.delete(room);
    return this.#commands.queue({ command: "send", room, text, replyTo, mentions: some(mentions), forwarded, files });
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

  /** Keep a room at the top of the list, or (`on` false) no longer. */
  pinRoom(room, on) {
    return this.#commands.queue({ command: "mine", what: "pin_room", room, on });
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
    this.files?.anew(id);
    this.#commands.retry(id);
  }

  /** Give up an entry that has failed, or whose files are on the way. */
  discard(id) {
    this.files?.cancel(id);
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

  // -- who one is --

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

  // -- without an answer --

  /** The person is typing in this room, or speaking; call it at each key. @param {"text"|"voice"} [what] */
  typing(room, what = "text") {
    const now = Date.now();
    if (now - (this.#typedAt.get(room) ?? 0) < TYPING_PAUSE_MS) return;
    this.#typedAt.set(room, now);
    this.#session.tell({ type: "typing", room, ...(what !== "text" && { what }) });
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

const some = (list) => (list?.length > 0 ? list : undefined);
