/**
 * The frames of trio-chat.v1 (docs/protocol.md): how the page's are built and the server's are read.
 * Pure.
 */

/** The WebSocket subprotocol to ask for. */
export const SUBPROTOCOL = "trio-chat.v1";

// Close codes after which coming back would only repeat the fault; the table stands in docs/protocol.md.
const FINAL_CLOSE_CODES = new Set([1002, 1003, 1007, 1008, 1009]);
const FIRST_FINAL_PRIVATE_CODE = 4500;

// Errors that waiting heals; the same command with the same id may then be sent again.
const PASSING_ERRORS = new Set(["rate_limited", "unavailable"]);
const DEFAULT_RETRY_S = 2;

/** Come back as the holder of `token`, else as somebody new with `name`, else with a generated name. */
export function hello({ token = null, name = null } = {}) {
  if (token) return { type: "hello", token };
  if (name) return { type: "hello", name };
  return { type: "hello" };
}

/** Join `room` after `cursor` ({seq, epoch}), or at its latest page. */
export function join(id, room, cursor = null) {
  const frame = { type: "join", id, room };
  return cursor ? { ...frame, after: cursor.seq, epoch: cursor.epoch } : frame;
}

/** Say `text` in `room`. The same `id` means the same message, for ever. */
export const send = (id, room, text) => ({ type: "send", id, room, text });

/** Ask for the page of events before number `before`. */
export const history = (id, room, before, limit) => ({ type: "history", id, room, before, limit });

/** Ask to be called `name`. */
export const rename = (id, name) => ({ type: "rename", id, name });

/** Ask for a sign of life. */
export const ping = (id) => ({ type: "ping", id });

/**
 * Read what the server sent.
 * @param {unknown} data the data of a WebSocket message
 * @returns {object|null} the frame; null for what is no frame, which a client ignores
 */
export function decode(data) {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data);
    return frame !== null && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}

/** Whether a frame is one of a room's numbered events, of a kind known or not. */
export function isEvent(frame) {
  return Number.isInteger(frame.seq) && typeof frame.room === "string" && frame.type !== "ack";
}

/** Whether coming back makes sense after a connection ended with this code. */
export function comesBack(code) {
  return !FINAL_CLOSE_CODES.has(code) && !(code >= FIRST_FINAL_PRIVATE_CODE && code < 5000);
}

/**
 * How long to wait before the refused command is sent again.
 * @returns {number|null} milliseconds; null when waiting does not help
 */
export function retryAfterMs(error) {
  if (!PASSING_ERRORS.has(error.code)) return null;
  return 1000 * (error.retry_after > 0 ? error.retry_after : DEFAULT_RETRY_S);
}
