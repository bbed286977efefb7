/**
 * Requests: conversations that strangers have begun, and that this person has not answered. They are in no list of
 * rooms. Pure.
 */

/** The requests that the welcome names; what is known of them stays. */
export const requestsOf = (names, known) => new Map(names.map((name) => [name, known.get(name) ?? null]));

/** The state with what the server tells of these requests: all there are, or one more. */
export function withRequests(state, items, { areAll }) {
  const requests = new Map(areAll ? [] : state.requests);
  for (const item of items) requests.set(item.room, item);
  return { ...state, requests };
}

/** The state without this request: it was answered, or is a room of the list. */
export function withoutRequest(state, name) {
  if (!state.requests.has(name)) return state;
  const requests = new Map(state.requests);
  requests.delete(name);
  return { ...state, requests };
}
