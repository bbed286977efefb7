/**
 * Commands that are kept: each becomes an entry of the outbox, and its promise resolves when the server has logged or
 * refused it, over however many connections, or when the person gives it up.
 */
import { texts } from "../core/texts.js";
import { newId } from "../net/ids.js";

const SPOILT_ID = "id_conflict"; // the one error after which the old id must never be used again

export class KeptCommands {
  #store;
  #resolvers = new Map(); // id of an outbox entry -> resolves its promise

  /** @param {import("../core/store.js").Store} store */
  constructor(store) {
    this.#store = store;
    store.subscribe((state, before) => state.outbox !== before.outbox && this.#settle(state, before));
  }

  /** Queue a command. @returns {Promise<object>} its outcome */
  queue(fields) {
    const entry = { id: newId(), at: Date.now(), ...fields };
    return new Promise((resolve) => {
      this.#resolvers.set(entry.id, resolve);
      this.#store.dispatch({ type: "queued", entry });
    });
  }

  /** Try a failed entry again. */
  retry(id) {
    const entry = this.#store.state.outbox.find((one) => one.id === id);
    if (entry) this.#store.dispatch({ type: "retried", id, newId: entry.code === SPOILT_ID ? newId() : id });
  }

  /** Resolve the promises of entries that were logged, refused or given up. */
  #settle(state, before) {
    for (const old of before.outbox) {
      const resolve = this.#resolvers.get(old.id);
      if (!resolve) continue;
      const now = state.outbox.find(({ id }) => id === old.id);
      if (["waiting", "uploading"].includes(now?.status)) continue;
      this.#resolvers.delete(old.id);
      const notice = state.notices.find(({ id }) => id === old.id);
      if (now?.status === "failed") resolve({ ok: false, code: now.code, message: now.reason });
      else if (notice) resolve({ ok: false, code: notice.code, message: notice.message });
      else if (now || old.seq) resolve({ ok: true, seq: now?.seq ?? old.seq });
      else resolve(outcomeOf(old, state, before));
    }
  }
}

/** An entry that went without an ack: its event was heard, or the person gave it up. */
function outcomeOf({ command, room }, state, before) {
  const lastIn = ({ mine, rooms }) => (command === "mine" ? mine.last : (rooms.get(room)?.last ?? 0));
  const seq = lastIn(state);
  return seq > lastIn(before) ? { ok: true, seq } : { ok: false, code: "discarded", message: texts.askDiscarded };
}
