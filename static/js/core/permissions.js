/**
 * Permissions: what the page offers this person. The server, which judges by the same rules (trio_chat/kinds/standing.py,
 * roles.py), has the last word; `tests/js/standing.json` is the table that both keep. Pure.
 */
import { HOME } from "./home.js";
import {
  ADMINISTERS, OWNS, SERVER, SERVER_RANKS, memberOf, moderates, ownRank, policyOf, rankIn, roleIn, serverRoleOf,
} from "./standing.js";

/** Whether this person runs the server. */
export const runsServer = (state) => Boolean(state.rooms.get(SERVER)?.isMember);

/** Whether this person may mute somebody in the room, or in the server room everywhere. */
export const mayMute = (state, room, id) => moderates(state, room) && ownRank(state, room) > rankIn(state, room, id);

/** Whether this person may remove somebody from the room, or in the server room from the server. */
export const mayBan = (state, room, id) => room.name !== HOME && mayMute(state, room, id);

/** Whether this person may delete a message of somebody. */
export function mayDelete(state, room, author) {
  const me = state.me?.id;
  return author === me || (moderates(state, room) && (room.owner === me || mayMute(state, room, author)));
}

/** Whether this person chooses how the room is run. */
export const maySetPolicy = (state, room) => ["public", "private"].includes(room.kind) && moderates(state, room);

/** The roles that this person may give somebody in the room, or in the server room on the server; the present one too. */
export function rolesToGive(state, room, id) {
  const isOwn = id === state.me?.id;
  if (room.name === SERVER) return serverRolesToGive(state, room, id, isOwn);
  if (!memberOf(room, id) || room.kind === "direct") return [];
  if (isOwn) return room.role === "moderator" && room.owner !== id ? ["moderator", "member"] : [];
  const may = ownRank(state, room) >= OWNS && ownRank(state, room) > rankIn(state, room, id);
  return may ? ["owner", "moderator", "member"] : [];
}

function serverRolesToGive(state, room, id, isOwn) {
  const own = SERVER_RANKS[serverRoleOf(state, state.me?.id)] ?? 0;
  const all = ["owner", "admin", "moderator", "member"];
  if (isOwn) {
    const owners = room.info?.members.filter(({ role }) => role === "owner").length ?? 0;
    return own === 0 || (room.role === "owner" && owners < 2) ? [] : all.filter((role) => (SERVER_RANKS[role] ?? 0) <= own);
  }
  if (own < ADMINISTERS || (SERVER_RANKS[serverRoleOf(state, id)] ?? 0) >= own) return [];
  return all.filter((role) => (SERVER_RANKS[role] ?? 0) < own || room.role === "owner");
}

/** A person's ban ("ban") or mute ("mute") that holds in the room: its end in ms, `Infinity` for none; null: there is none. */
export function restrictionOf(room, what, id, nowMs) {
  const found = room?.info?.restricted.find((one) => one.what === what && one.person === id && one.until > nowMs);
  return found?.until ?? null;
}

/**
 * What keeps this person from writing in the room: `{kind}` "open", "missing" (there is none), "shut" (no member), "muted", "quiet",
 * "announcements" or "slow", with `until` in ms where it is known when it ends.
 */
export function writingIn(state, room, nowMs) {
  if (room.isMissing) return { kind: "missing" };
  if (state.isListed && room.kind !== "public" && !room.isMember) return { kind: "shut" };
  const { quietUntil, newUntil, muted: everywhere } = state.standing;
  const mutes = [everywhere, room.muted].filter((mute) => mute?.until > nowMs);
  if (mutes.length > 0) return { kind: "muted", ...mutes.reduce((one, other) => (other.until > one.until ? other : one)) };
  if (quietUntil > nowMs && newUntil > nowMs) return { kind: "quiet", until: Math.min(quietUntil, newUntil) };
  if (moderates(state, room)) return { kind: "open" };
  if (policyOf(room, "writers") === "moderators") return { kind: "announcements" };
  const slowS = policyOf(room, "slow_s");
  if (slowS === 0) return { kind: "open" };
  const last = room.live.events.findLast((event) => event.type === "message" && event.from === state.me?.id);
  const until = Math.max(room.slowUntil, last ? last.atMs + slowS * 1000 : 0);
  return until > nowMs ? { kind: "slow", until: Math.min(until, nowMs + slowS * 1000) } : { kind: "open" };
}

/** Whether the policy lets this person do what it leaves to members or to moderators: "inviting", "pinning", "titling". */
export const isAllowed = (state, room, what) => policyOf(room, what) === "members" || moderates(state, room);

/** Whether this person may change a room's title; the server has the last word. */
export function mayRename(state, room) {
  if (!mayRetopic(state, room)) return false;
  return room.kind === "private" || room.owner === null || room.owner === state.me?.id || rankIn(state, room, state.me?.id) > OWNS;
}

/** Whether this person may change a room's topic. */
export const mayRetopic = (state, room) =>
  ["public", "private"].includes(room.kind) && room.isMember && isAllowed(state, room, "titling");

/** The ids of those who wait to be let into the room, if this person lets them in. */
export const waitingIn = (state, room) => (room.info !== null && moderates(state, room) ? room.info.knocking : []);
