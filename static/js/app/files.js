/**
 * Messages with files: choosing what goes along, and what can be done while it is on the way.
 */
import { FilesSession } from "../net/files-session.js";
import { newId } from "../net/ids.js";
import { Uploads } from "../net/uploads.js";

/**
 * @typedef {object} Chosen what somebody sends along
 * @property {Blob} [blob] its bytes @property {string} name
 * @property {{room: string, seq: number, n: number}} [of] instead of bytes: a file of a message, which is forwarded
 * @property {string} [mediaType] @property {number} [bytes] of what is forwarded
 * @property {number} [width] @property {number} [height] in pixels, of what is to be seen
 * @property {() => void} [onKept] told when the browser has kept it: a reload does not lose it
 * @property {string} [alt] @property {boolean} [asFile] kept as it is, and never shown
 * @property {{ms: number, peaks: string}} [voice] @property {Promise<Blob|null>|Blob|null} [poster] a still of a video
 */

export class Files {
  #store;
  #app;
  #uploads;
  #sent = 0; // bytes since the server has told how many are left

  /** @param {import("../core/store.js").Store} store @param {import("../net/session.js").Session} session @param {import("./app.js").App} app */
  constructor(store, session, app, uploads = new Uploads(store, (frame) => session.ask(frame))) {
    this.#store = store;
    this.#app = app;
    this.#uploads = uploads;
    store.subscribe((state, before) => state.limits !== before.limits && (this.#sent = 0));
    new FilesSession(store, () => session.token);
  }

  /** How many bytes this person may still send, as far as is known here; `Infinity`: as many as they like. */
  get left() {
    return Math.max(0, this.#store.state.limits.filesLeft - this.#sent);
  }

  /**
   * Send a message with files: it is shown at once, and logged when they are all there. **Kept**, as the browser can.
   * @param {string} room @param {string} text may be empty @param {Chosen[]} chosen @param {object} extras see `App.send`
   * @returns {Promise<object>} `seq`
   */
  send(room, text, chosen, extras = {}) {
    const files = chosen.map(({ blob, poster: _, onKept: __, name, mediaType = blob.type, bytes = blob.size, ...rest }) =>
      ({ width: 0, height: 0, alt: "", asFile: false, voice: null, ...rest, key: newId(), name, mediaType, bytes, upload: null, isComplete: false }));
    for (const [index, { blob, poster, onKept = () => {} }] of chosen.entries()) {
      if (blob) this.#uploads.hold(files[index], blob, poster).then((isKept) => isKept && onKept());
    }
    this.#sent += sizeOf(files);
    return this.#app.send(room, text, { ...extras, files });
  }

  /** Show this picture of a room, or (null) of this person; without one none. @param {string|null} room @param {Blob|null} blob */
  async setPicture(room, blob) {
    const brought = blob ? await this.#uploads.bring(room, blob) : { ok: true, upload: "" };
    if (!brought.ok) return brought;
    const change = { picture: brought.upload };
    return room === null ? this.#app.setProfile(change) : this.#app.setRoom(room, change);
  }

  /** The files of an entry, as they were chosen; those that the browser has not kept are missing. @returns {Promise<Chosen[]>} */
  async chosen({ files = [] }) {
    const all = await Promise.all(files.map(async ({ key, id: _, upload: __, isComplete: ___, ...file }) => {
      const held = file.of ? {} : await this.#uploads.held(key);
      return held && { ...file, blob: held.blob, poster: held.poster };
    }));
    return all.filter(Boolean);
  }

  /** Send pictures that the server cannot show as files, byte for byte. */
  sendAsFile({ id, files }) {
    this.#uploads.cancel({ files: files.filter(({ isComplete }) => !isComplete) });
    for (const { key, isComplete } of files) {
      if (!isComplete) this.#change(id, key, { asFile: true, id: newId() });
    }
    this.#app.retry(id);
  }

  /** An entry is tried again: what the server does not know any more is sent anew. */
  anew(id) {
    const { code, files = [] } = this.#entry(id) ?? {};
    if (code !== "no_such_upload") return;
    for (const { key } of files) this.#change(id, key, { id: newId() });
  }

  /** An entry is given up: see `Uploads.cancel`. */
  cancel(id) {
    const entry = this.#entry(id);
    if (!entry?.files || entry.status === "sent") return;
    this.#sent = Math.max(0, this.#sent - sizeOf(entry.files));
    this.#uploads.cancel(entry);
  }

  #entry(id) {
    return this.#store.state.outbox.find((one) => one.id === id);
  }

  #change(id, key, changes) {
    this.#store.dispatch({ type: "fileChanged", id, key, changes: { upload: null, isComplete: false, ...changes } });
  }
}

const sizeOf = (files) => files.reduce((sum, { bytes }) => sum + bytes, 0);
