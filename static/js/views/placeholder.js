/**
 * What the log shows where there are no messages: that they are coming, or that there are none yet.
 */
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
  render({ room, outbox }) {
    const hasNothing = room.messages.length === 0 && outbox.length === 0;
    this.#loading.hidden = !hasNothing || room.isSynced;
    this.#empty.hidden = !hasNothing || !room.isSynced;
    this.#older.hidden = !room.isLoadingOlder;
  }
}
