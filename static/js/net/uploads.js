/**
 * Uploads: the files of the messages in the outbox go to the server, one after the other, in the order written. It asks for
 * an upload under the file's own id, which tells how much the server has; so it goes on after a cut, a reload, and a
 * restart of the server, and nothing is sent twice. When all files of a message are complete, the message itself goes out.
 */
import { fileTexts } from "../core/file-texts.js";
import { pauseMs } from "./backoff.js";
import { Chunks } from "./chunks.js";
import { KeptFiles } from "./kept-files.js";
import { request } from "./request.js";
import { transfer } from "./transfer.js";
import { UploadTurns } from "./upload-turns.js";

const MOST_FORGOTTEN = 3; // so often the server may have lost what it had of a file
const PASSING = new Set(["too_many", "rate_limited", "unavailable"]); // other uploads of this person are under way, say
const PATIENCE = 6;
const PASSING_MS = 10_000;
const PROGRESS_MS = 150; // each step draws the message anew
const LOCAL_LASTS_MS = 60_000; // the person's own copy stays in view until the server's picture is there
const TURN_MS = 3_000;

export class Uploads {
  #store;
  #ask;
  #kept;
  #chunks;
  #request;
  #turns;
  #pause;
  #files = new Map(); // key -> {blob, poster}, of what this page has
  #own = new Set(); // keys of what was chosen in this page
  #current = null; // {id, abort: AbortController, ended: Promise} the message whose files are on the way
  #isCleaned = false;
  #isBusy = false;
  #isDue = false;
  #timer = null;
  #hasWarned = false;

  /**
   * @param {import("../core/store.js").Store} store @param {(frame: object) => Promise<object>} ask see `Commands.ask`
   * @param {object} [parts] for tests
   */
  constructor(store, ask, { kept = new KeptFiles(), chunks = new Chunks(), send = request, turns = new UploadTurns(), pause = sleep } = {}) {
    this.#store = store;
    this.#ask = ask;
    this.#kept = kept;
    this.#chunks = chunks;
    this.#request = send;
    this.#turns = turns;
    this.#pause = pause;
    store.subscribe((state, before) => {
      if (state.outbox !== before.outbox) this.#forget(state, before);
      if (state.outbox !== before.outbox || state.connection !== before.connection) this.#next();
    });
    globalThis.addEventListener?.("pagehide", () => this.#current && this.#turns.give(this.#current.id));
    this.#next();
  }

  /**
   * A file is about to be sent: it is kept until then.
   * @param {object} entryFile with its `key`, `name` @param {Blob} blob @param {Promise<Blob|null>|Blob|null} poster
   * @returns {Promise<boolean>} whether it will be there after a reload
   */
  async hold({ key, name }, blob, poster = null) {
    this.#files.set(key, { blob, poster });
    this.#own.add(key);
    this.#store.dispatch({ type: "transferred", key, local: URL.createObjectURL(blob), progress: 0 });
    const isKept = await this.#kept.put({ key, blob });
    if (!isKept && !this.#hasWarned && this.#isNeeded(key)) {
      this.#hasWarned = true;
      this.#store.dispatch({ type: "noticed", id: `unkept ${key}`, message: fileTexts.unkept(name) });
    }
    const still = await poster;
    if (isKept && still && this.#isNeeded(key)) await this.#kept.put({ key, blob, poster: still });
    return isKept;
  }

  /** The file behind a key. @returns {Promise<{blob: Blob, poster: Promise<Blob|null>|Blob|null}|null>} */
  async held(key) {
    if (!this.#files.has(key)) {
      const found = await this.#kept.get(key);
      if (found) this.#files.set(key, found);
    }
    return this.#files.get(key) ?? null;
  }

  /** The file on the disk cannot be read any more: there may be the copy that the browser has kept. */
  async #reread(key) {
    const found = await this.#kept.get(key);
    if (found) this.#files.set(key, found);
    return found !== null;
  }

  /**
   * Bring a picture of a room, or (null) of this person.
   * @returns {Promise<{ok: true, upload: string}|{ok: false, code: string, message: string}>}
   */
  async bring(room, blob) {
    const begun = await this.#ask({ type: "upload_picture", room: room ?? undefined, bytes: blob.size });
    if (!begun.ok) return begun;
    const done = await transfer(blob, begun.offset, {
      url: `uploads/${begun.upload}`,
      signal: new AbortController().signal,
      chunks: this.#chunks,
      request: this.#request,
      again: (failures) => this.#pause(pauseMs(failures - 1)).then(() => true),
      poster: async () => null,
      onProgress() {},
    });
    return done.ok ? { ok: true, upload: begun.upload } : done;
  }

  /** The message will not be sent: neither shall the server keep what it has of its files. */
  cancel({ files }) {
    for (const { upload } of files) if (upload) this.#ask({ type: "cancel_upload", upload });
  }

  #isNeeded(key) {
    return this.#store.state.outbox.some(({ files }) => files?.some((file) => file.key === key));
  }

  /** Forget the files of messages that were sent or given up. */
  #forget(state, before) {
    for (const { files = [] } of before.outbox) {
      for (const { key } of files) if (!this.#isNeeded(key)) this.#drop(key);
    }
    const { id, abort } = this.#current ?? {};
    if (id && state.outbox.find((entry) => entry.id === id)?.status !== "uploading") abort.abort();
  }

  #drop(key) {
    if (!this.#store.state.transfers.has(key) && !this.#files.has(key)) return;
    this.#files.delete(key);
    this.#kept.remove(key);
    const { local } = this.#store.state.transfers.get(key) ?? {};
    if (local) this.#pause(LOCAL_LASTS_MS).then(() => URL.revokeObjectURL(local));
  }

  /** Upload the files of one message after the other, those whose turn is here and not in another tab. */
  async #next() {
    this.#isDue = true;
    if (this.#isBusy || !this.#store.state.isOutboxRestored) return;
    this.#isBusy = true;
    this.#clean();
    while (this.#isDue) {
      this.#isDue = false;
      this.#showCopies();
      clearTimeout(this.#timer);
      const entry = this.#isOnline ? await this.#choose() : null;
      if (!entry) continue;
      await this.#upload(entry);
      this.#isDue = true;
    }
    this.#isBusy = false;
  }

  get #isOnline() {
    return this.#store.state.connection.phase === "online";
  }

  async #choose() {
    const uploading = this.#store.state.outbox.filter(({ status }) => status === "uploading");
    for (const { id, files } of uploading) {
      const isHere = await this.#turns.take(id, files.some(({ key }) => this.#own.has(key)));
      const entry = this.#store.state.outbox.find((one) => one.id === id && one.status === "uploading");
      if (isHere && entry) return entry;
    }
    if (uploading.length > 0) this.#timer = setTimeout(() => this.#next(), TURN_MS);
    return null;
  }

  async #upload(entry) {
    const abort = new AbortController();
    const { signal } = abort;
    this.#current = { id: entry.id, abort, ended: new Promise((resolve) => signal.addEventListener("abort", resolve)) };
    const turn = setInterval(() => this.#turns.keep(entry.id), TURN_MS);
    for (const file of entry.files) {
      if (file.isComplete) continue;
      const { ok, code, message } = await this.#uploadFile(entry, file, signal);
      if (ok) continue;
      if (code === "offline") await this.#sleep(pauseMs(0));
      else if (code !== "aborted") this.#store.dispatch({ type: "failed", id: entry.id, code, reason: message });
      break;
    }
    clearInterval(turn);
    this.#turns.give(entry.id);
    this.#current = null;
  }

  async #uploadFile({ id, room }, file, signal) {
    const { key } = file;
    const became = (changes) => !signal.aborted && this.#store.dispatch({ type: "fileChanged", id, key, changes });
    for (let forgotten = 0; ; forgotten += 1) {
      const answer = await this.#begin(room, file, signal);
      if (signal.aborted) return aborted;
      if (!answer.ok) return answer;
      if (answer.complete) return became({ upload: answer.upload, isComplete: true }), { ok: true };
      const held = await this.held(key);
      became({ upload: answer.upload });
      if (!held) return { ok: false, code: "lost", message: fileTexts.lost(file.name) };
      this.#chunks.begin(answer.chunk);
      const done = await transfer(held.blob, answer.offset, {
        url: `uploads/${answer.upload}`,
        signal,
        chunks: this.#chunks,
        request: this.#request,
        again: (failures) => this.#again(failures),
        poster: async () => (await held.poster) ?? null,
        onProgress: this.#progress(file),
      });
      if (signal.aborted) return aborted;
      if (done.ok) {
        this.#store.dispatch({ type: "transferred", key, progress: 1 });
        became({ isComplete: true });
      }
      const mayGoOn = done.code === "gone" || (done.code === "unreadable" && (await this.#reread(key)));
      if (!mayGoOn || forgotten === MOST_FORGOTTEN) return done;
    }
  }

  /** Ask for the upload, or how it stands. */
  async #begin(room, { id, key, name, bytes, mediaType, asFile, voice, of }, signal) {
    const what = of ? { of } : { name, bytes, media_type: mediaType || undefined, as_file: asFile || undefined, voice: voice ?? undefined };
    for (let times = 1; ; times += 1) {
      const answer = await this.#ask({ type: "upload", id: id ?? key, room, ...what });
      if (!PASSING.has(answer.code) || times === PATIENCE || signal.aborted) return answer;
      await this.#sleep(PASSING_MS);
    }
  }

  #progress({ key, bytes }) {
    let last = 0;
    return (sent) => {
      const now = Date.now();
      if (now - last < PROGRESS_MS) return;
      last = now;
      this.#store.dispatch({ type: "transferred", key, progress: bytes > 0 ? sent / bytes : 1 });
    };
  }

  /** Wait until it may go on: as long as the connection's pauses are, or until there is a connection. */
  async #again(failures) {
    if (this.#isOnline) await Promise.race([this.#sleep(pauseMs(failures - 1)), this.#until(() => !this.#isOnline)]);
    if (this.#isOnline) return true;
    await this.#until(() => this.#isOnline);
    return false;
  }

  /** Resolves when it is so, or the transfer has ended. */
  #until(is) {
    const { abort, ended } = this.#current;
    return new Promise((resolve) => {
      const look = () => (is() || abort.signal.aborted) && (end(), resolve());
      const end = this.#store.subscribe(look);
      ended.then(look);
    });
  }

  #sleep(ms) {
    return Promise.race([this.#pause(ms), this.#current.ended]);
  }

  /** What an earlier page has left in the outbox is shown from its copy as well. */
  async #showCopies() {
    for (const { files = [] } of this.#store.state.outbox) {
      for (const { key, of } of files) {
        if (of || this.#store.state.transfers.has(key)) continue;
        this.#store.dispatch({ type: "transferred", key, local: null });
        const held = await this.held(key);
        if (held && this.#isNeeded(key)) this.#store.dispatch({ type: "transferred", key, local: URL.createObjectURL(held.blob) });
      }
    }
  }

  /** Once: remove files whose messages are gone. */
  #clean() {
    if (this.#isCleaned) return;
    this.#isCleaned = true;
    this.#kept.clean(this.#store.state.outbox.flatMap(({ files = [] }) => files.map(({ key }) => key)));
  }
}

const aborted = { ok: false, code: "aborted", message: "" };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
