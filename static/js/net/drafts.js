/**
 * Drafts of all rooms, kept in localStorage and the same in all tabs.
 */
const PREFIX = "trio-chat.draft.";

export class Drafts {
  #store;

  /** @param {import("../core/store.js").Store} store */
  constructor(store) {
    this.#store = store;
    for (const [room, text] of stored()) store.dispatch({ type: "draft", room, text });
    store.subscribe((state, before) => state.drafts !== before.drafts && keep(state.drafts, before.drafts));
    window.addEventListener("storage", ({ key }) => {
      // The event may come late, when more was written here or there: what is kept now counts.
      if (key?.startsWith(PREFIX)) store.dispatch({ type: "draft", room: key.slice(PREFIX.length), text: localStorage.getItem(key) ?? "" });
    });
  }

  /** Whether they will be there after a reload. */
  get areKept() {
    try {
      return Array.from(this.#store.state.drafts).every(([room, text]) => localStorage.getItem(PREFIX + room) === text);
    } catch {
      return false;
    }
  }

  /** An empty text is no draft. */
  set(room, text) {
    this.#store.dispatch({ type: "draft", room, text });
  }
}

function keep(drafts, before) {
  try {
    for (const room of before.keys()) if (!drafts.has(room)) localStorage.removeItem(PREFIX + room);
    for (const [room, text] of drafts) if (before.get(room) !== text) localStorage.setItem(PREFIX + room, text);
  } catch {
    // Blocked or full: it is remembered until the page is closed.
  }
}

function stored() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    return keys.map((key) => [key.slice(PREFIX.length), localStorage.getItem(key)]);
  } catch {
    return [];
  }
}
