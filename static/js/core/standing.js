/**
 * Standing: the roles and ranks of people, and the policies of rooms, as trio_chat/kinds/standing.py has them. Pure.
 */

/** The room of those who run the server: what is decided there holds everywhere. */
export const SERVER = "~server";

/** The lowest rank that moderates, that of a room's owner, and that of a server's admin. */
export const MODERATES = 1;
export const OWNS = 2;
export const ADMINISTERS = 4;

const ROOM_RANKS = { moderator: MODERATES, owner: OWNS };
export const SERVER_RANKS = { moderator: 3, admin: ADMINISTERS, owner: 5 };

/** How a room is run unless its policy says otherwise. */
export const DEFAULT_POLICY = {
  slow_s: 0, writers: "members", joining: "open", inviting: "members", pinning: "members", titling: "members",
  retention_days: 0,
};

/** The policy after settings: what is at its default does not stand in it. */
export function policyAfter(policy, settings) {
  const next = { ...policy };
  for (const [name, common] of Object.entries(DEFAULT_POLICY)) {
    if (settings[name] === undefined) continue;
    if (settings[name] === common) delete next[name];
    else next[name] = settings[name];
  }
  return next;
}

/** A setting of a room. */
export const policyOf = (room, name) => room.policy[name] ?? DEFAULT_POLICY[name];

/** After how many days the room's messages are deleted: the fewer of its own and of the server's; 0: never. */
export function retentionOf(state, room) {
  if (room.name === SERVER) return 0;
  const days = [policyOf(room, "retention_days"), state.retentionDays].filter((some) => some > 0);
  return days.length === 0 ? 0 : Math.min(...days);
}

/** The rank in a room of this kind, by the role there and on the server. In a conversation of two nobody has any. */
export function rankBy(kind, role, serverRole) {
  if (kind === "direct") return 0;
  return Math.max(ROOM_RANKS[role] ?? 0, SERVER_RANKS[serverRole] ?? 0);
}

/** A member of a room as `info` told it. */
export const memberOf = (room, id) => room?.info?.members.find((member) => member.id === id);

/** A person's role in a room as far as it is known: "owner", "moderator" or "member" (in the server room also "admin"). */
export function roleIn(state, room, id) {
  if (id === room.owner) return "owner";
  const role = id === state.me?.id ? room.role : memberOf(room, id)?.role;
  return role ?? "member";
}

/** A person's role on the server as far as it is known: only those who have one know of those of others. */
export function serverRoleOf(state, id) {
  const room = state.rooms.get(SERVER);
  if (!room) return "member";
  return (id === state.me?.id ? room.role : memberOf(room, id)?.role) ?? "member";
}

/** A person's rank in a room. */
export const rankIn = (state, room, id) => rankBy(room.kind, roleIn(state, room, id), serverRoleOf(state, id));

/** The rank of this person in a room. */
export const ownRank = (state, room) => rankIn(state, room, state.me?.id);

/** Whether this person moderates the room. */
export const moderates = (state, room) => ownRank(state, room) >= MODERATES;
