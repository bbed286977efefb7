/**
 * The rooms that this person waits to be let into, kept in localStorage: the server tells only those who let them in.
 */
const KEY = "trio-chat.knocked";
const MOST = 20;

/** @param {import("../core/store.js").Store} store */
export function keepKnocks(store) {
  for (const { room, title } of stored()) store.dispatch({ type: "knocked", room, title, on: true });
  store.subscribe((state, before) => state.knocked !== before.knocked && keep(state.knocked));
}

function keep(knocked) {
  try {
    if (knocked.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(knocked.slice(-MOST)));
  } catch {
    // Blocked or full: they are remembered until the page is closed.
  }
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return found.filter(({ room, title }) => typeof room === "string" && typeof title === "string");
  } catch {
    return [];
  }
}
