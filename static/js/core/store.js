/**
 * The store: holds the state and tells subscribers when it changed. The only mutable thing that the parts of the page
 * share.
 */
export class Store {
  #state;
  #reduce;
  #listeners = new Set();

  /** @param {(state: object, action: object) => object} reduce @param {object} state the first state */
  constructor(reduce, state) {
    this.#reduce = reduce;
    this.#state = state;
  }

  get state() {
    return this.#state;
  }

  /** Apply an action. Listeners are called before this returns, unless the state stayed the same. */
  dispatch(action) {
    const before = this.#state;
    this.#state = this.#reduce(before, action);
    if (this.#state === before) return;
    for (const listener of this.#listeners) listener(this.#state, before);
  }

  /** Call `listener(state, before)` after each change. @returns {() => void} ends that */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
