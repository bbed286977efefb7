/**
 * Asks the list of rooms again what is unread where the page cannot know it any more (see core/unread.js).
 */

const PAUSE_MS = 1_500; // so that read markers come before, and one question is for all that changes together

export class Recounts {
  #store;
  #session;
  #timer = null;

  /** @param {import("../core/store.js").Store} store @param {import("../net/session.js").Session} session */
  constructor(store, session) {
    this.#store = store;
    this.#session = session;
    store.subscribe((state, before) => {
      if (state.connection.phase !== "online") this.#stop(); // the next welcome has new counts
      else if (state.rooms !== before.rooms) this.#soon();
    });
  }

  get #stale() {
    return Array.from(this.#store.state.rooms.values()).filter(({ isMember, unread }) => isMember && unread.isStale);
  }

  #soon() {
    if (this.#timer === null && this.#stale.length > 0) this.#timer = setTimeout(() => this.#recount(), PAUSE_MS);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #recount() {
    const timer = this.#timer;
    for (const { name } of this.#stale) {
      const answer = await this.#session.ask({ type: "listing", room: name });
      if (this.#timer !== timer) return; // another connection
      if (answer.ok && answer.item) this.#store.dispatch({ type: "roomAdded", item: answer.item });
      else this.#store.dispatch({ type: "recounted", room: name });
    }
    this.#timer = null;
    this.#soon(); // what was heard before an answer made that too old
  }
}
