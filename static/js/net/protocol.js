/**
 * The frames of trio-chat.v1 (docs/protocol.md): builds those of the page and reads those of the server. Pure.
 */
import { inLocalTime } from "../core/time.js";

/** The WebSocket subprotocol to ask for. */
export const SUBPROTOCOL = "trio-chat.v1";

// Close codes after which the same would only repeat the fault; the table is in docs/protocol.md.
const FINAL_CLOSE_CODES = new Set([1002, 1003, 1007, 1008, 1009]);
const FIRST_FINAL_PRIVATE_CODE = 4500;

/** The close code for somebody whom a moderator has removed from the server. */
export const BANNED = 4501;

// Errors that waiting heals; the same command with the same id may then be sent again.
const PASSING_ERRORS = new Set(["rate_limited", "unavailable", "too_many_connections"]);
const DEFAULT_RETRY_S = 2;

/** The close code of a device that was logged out. */
export const LOGGED_OUT = 4510;

/**
 * Log in with `token`, with the code `link` of another device, by the recovery code `recover`, or as a new user, with
 * `name` or without, and perhaps with a link (`invite`), as some servers demand. `device`: what the browser is called.
 * `lists`: the welcome shall have the list of rooms and the personal state, or what changed of them (`since` a stamp);
 * `rotate`: a token may come in place of this one.
 */
export function hello({ link, recover, token, name, invite, device, since } = {}) {
  const frame = { type: "hello", lists: true, ...(since && { since }), ...(device && { device }) };
  if (link) return { ...frame, link };
  if (recover) return { ...frame, recover };
  if (token) return { ...frame, token, rotate: true };
  return { ...frame, ...(name && { name }), ...(invite && { invite }) };
}

/** Join `room` from `cursor` ({after, epoch, proof}), or at its latest page. */
export function join(id, room, cursor = null) {
  const frame = { type: "join", id, room };
  return cursor ? { ...frame, ...cursor } : frame;
}

/** Subscribe to all these rooms: [{room, after, epoch, proof}…], `MAX_FOLLOWED` at most. */
export const follow = (id, rooms) => ({ type: "follow", id, rooms });
export const MAX_FOLLOWED = 500;

const frames = {
  send: ({ text, replyTo, mentions, forwarded, files }) => ({
    text, reply_to: replyTo, mentions, forwarded, files: files?.map(({ upload, alt }) => ({ upload, alt: alt || undefined })),
  }),
  edit: ({ target, text, mentions }) => ({ seq: target, text, mentions }),
  delete: ({ target }) => ({ seq: target }),
  react: ({ target, emoji, on }) => ({ seq: target, emoji, on }),
  pin: ({ target, on }) => ({ seq: target, on }),
  mine: ({ what, target, on, level, until, from, person }) => ({
    what,
    target,
    on,
    level,
    until: until == null ? undefined : new Date(until).toISOString(),
    seq: from ?? undefined,
    person,
  }),
};

/** The command of an outbox entry: the same at every attempt. What is undefined is not sent. */
export const commandOf = (entry) => ({ type: entry.command, id: entry.id, room: entry.room, ...frames[entry.command](entry) });

/** A frame as it is sent. Half a surrogate pair is no character, and the server would hang up: it becomes U+FFFD. */
export const encode = (frame) =>
  JSON.stringify(frame).replace(/\\\\|\\ud[89a-f]../g, (part) => (part === "\\\\" ? part : "\\ufffd"));

/** Ask for a pong. */
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
    if (frame === null || typeof frame.type !== "string") return null;
    return frame.type === "error" ? { ...frame, message: inLocalTime(String(frame.message ?? "")) } : frame;
  } catch {
    return null;
  }
}

const ANSWERS = new Set(["ack", "preview", "reactions", "receipts", "versions"]); // they are about an event and are none

/** Whether a frame is one of a room's numbered events, of a kind known or not. */
export function isEvent(frame) {
  return Number.isInteger(frame.seq) && typeof frame.room === "string" && !ANSWERS.has(frame.type);
}

/** Whether to reconnect after a connection ended with this code. */
export function comesBack(code) {
  return !FINAL_CLOSE_CODES.has(code) && !(code >= FIRST_FINAL_PRIVATE_CODE && code < 5000);
}

/** Whether a server that hung up with such a final code may be asked again after a while: it is not about the person. */
export const mayPass = (code) => code < FIRST_FINAL_PRIVATE_CODE;

// Closes that say what they are for, which is nothing that was sent.
const EXPLAINED = new Set([1000, 1001, 1012, 1013]);

/** Whether what was sent last may be why the connection ended with this code. */
export const isUnexplained = (code) => code < 4000 && !EXPLAINED.has(code);

/**
 * How long to wait before the refused command is sent again.
 * @returns {number|null} milliseconds; null when waiting does not help
 */
export function retryAfterMs(error) {
  if (!PASSING_ERRORS.has(error.code)) return null;
  return 1000 * (error.retry_after > 0 ? error.retry_after : DEFAULT_RETRY_S);
}
