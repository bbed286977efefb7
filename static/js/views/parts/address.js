/**
 * Addresses of the page: behind the # a room, a message in it, an invitation, a device code, or an owner link.
 */
import { HOME } from "../../core/home.js";

/** @param {string} hash @returns {{room?: string, seq?: number, join?: string, link?: string, own?: string}} */
export function parseRoute(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const route = {};
  if (fields.get("room")) route.room = fields.get("room");
  if (/^[1-9]\d*$/.test(fields.get("m") ?? "")) route.seq = Number(fields.get("m"));
  if (fields.get("join")) route.join = fields.get("join");
  if (fields.get("link")) route.link = fields.get("link");
  if (fields.get("own")) route.own = fields.get("own");
  return route;
}

/** The whole address of a room, or of a message in it, to be given to others. */
export function addressOf(room, seq = null) {
  const url = new URL(location.href);
  url.hash = `room=${encodeURIComponent(room)}${seq === null ? "" : `&m=${seq}`}`;
  return url.href;
}

/** The path for the address bar while a room is open; the lobby and the room list (null) need no hash. */
export const pathOf = (room) => location.pathname + (room === null || room === HOME ? "" : `#room=${encodeURIComponent(room)}`);
