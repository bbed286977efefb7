/**
 * Alerts: new messages that make a sound or a notification, each in one tab.
 */
import { messageOf } from "../core/message.js";
import { alertFor } from "../core/notify.js";
import { newId } from "../net/ids.js";
import { TabElection } from "../net/tab-election.js";

export class Alerts {
  #store;
  #election;
  #listeners = new Set();

  /** @param {import("../core/store.js").Store} store @param {TabElection} [election] */
  constructor(store, election = new TabElection(newId())) {
    this.#store = store;
    this.#election = election;
  }

  onNews(listener) {
    this.#listeners.add(listener);
  }

  /** An event came. */
  async onEvent(frame) {
    // Nobody listens here: leave it to another tab.
    if (this.#listeners.size === 0) return;
    const { counts, sound, notification } = alertFor(this.#store.state, frame, Date.now());
    if (!counts || !(sound || notification)) return;
    const { epoch } = this.#store.state.rooms.get(frame.room);
    if (!(await this.#election.wins(frame.room, epoch, frame.seq))) return;
    // Another tab may have shown it, or another device read it, meanwhile.
    if (this.#store.state.rooms.get(frame.room)?.read >= frame.seq) return;
    for (const listener of this.#listeners) listener({ message: messageOf(frame), room: frame.room, sound, notification });
  }
}
