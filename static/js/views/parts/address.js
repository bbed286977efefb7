/**
 * Addresses of the page: behind the # a room, a message in it, an invitation, a device code, or an owner link.
 */
import { HOME } from "../../core/home.js";

/** The longest value that is looked at: any room, token or code is shorter, and a longer one would break the connection. */
export const LONGEST = 200;

/**
 * What an address asks for, as far as it makes sense; whatever stands behind the `#`, this does not throw. A message without a room is
 * one of the lobby's.
 * @param {string} hash @returns {{room?: string, seq?: number, join?: string, link?: string, own?: string}}
 */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const route = {};
  for (const name of ["room", "join", "link", "own"]) {
    const value = fields.get(name)?.trim();
    if (value && value.length <= LONGEST) route[name] = value;
  }
  if (/^[1-9]\d{0,14}$/.test(fields.get("m") ?? "")) {
    route.seq = Number(fields.get("m"));
    route.room ??= HOME;
  }
  return route;
}

/** The path for the address bar while a room is open; the lobby and the room list (null) need no hash. */
export const pathOf = (room) => location.pathname + (room === null || room === HOME ? "" : `#room=${encodeURIComponent(room)}`);
