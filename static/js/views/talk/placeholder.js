/**
 * Placeholder where the log has no messages: loading, or none yet.
 */
import { openRoom, shown } from "../../core/select.js";

export class Placeholder {
  #loading;
  #empty;
  #older;

  /** @param {{loading: HTMLElement, empty: HTMLElement, older: HTMLElement}} elements */
  constructor({ loading, empty, older }) {
    this.#loading = loading;
    this.#empty = empty;
    this.#older = older;
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const { window, events } = shown(state, room);
    const hasNothing = events.length === 0;
    const isComing = !["refused", "knocking"].includes(state.connection.phase);
    this.#loading.hidden = !hasNothing || room.isSynced || !isComing;
    this.#empty.hidden = !hasNothing || !room.isSynced;
    this.#older.hidden = !window.isLoadingOlder;
  }
}
