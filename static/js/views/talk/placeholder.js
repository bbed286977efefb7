/**
 * Placeholder where the log has no messages because they are loaded.
 */
import { openRoom, shown } from "../../core/select.js";

export class Placeholder {
  #loading;
  #older;

  /** @param {{loading: HTMLElement, older: HTMLElement}} elements */
  constructor({ loading, older }) {
    this.#loading = loading;
    this.#older = older;
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const { window, events } = shown(state, room);
    const hasNothing = events.length === 0;
    const isComing = !["refused", "knocking"].includes(state.connection.phase);
    this.#loading.hidden = !hasNothing || room.isSynced || !isComing;
    this.#older.hidden = !window.isLoadingOlder;
  }
}
