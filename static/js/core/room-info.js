/**
 * What describes a room: title, topic, kind, owner, roles, policy, members, pins, and to its moderators who is restricted
 * and who waits; as told by `info` and by events. Pure.
 */
import { isStale } from "./room-history.js";
import { SERVER, policyAfter } from "./standing.js";

/** What an event says of the room itself, put into `room`, which is a copy already. */
export function applySettings(room, event, meId) {
  if (event.type === "settings" || event.type === "created") {
    room.title = event.title ?? room.title;
    room.topic = event.topic ?? room.topic;
  }
  if (event.type === "settings") {
    room.policy = policyAfter(room.policy, event);
    if (event.picture !== undefined) room.picture = event.picture ? event.seq : null;
  }
  if (event.type === "created") {
    room.kind = event.kind;
    room.owner = event.from;
    room.activeAt = Math.max(room.activeAt, Date.parse(event.at));
  }
  const removes = (event.type === "member" && !event.on) || (event.type === "ban" && event.on);
  // Who was asked into a conversation is counted before they accept.
  if (room.members !== null && (event.type === "member" || removes)) room.members = Math.min(room.members + (removes ? -1 : 1), room.with ? 2 : Infinity);
  if (event.type === "role") applyRole(room, event, meId);
}

function applyRole(room, { person, role }, meId) {
  if (role === "owner" && room.name !== SERVER) {
    if (room.owner === meId) room.role = "moderator";
    room.owner = person;
  }
  if (person === meId) room.role = role === "member" ? null : role;
}

/** When a ban or a mute ends, in ms; `Infinity`: never. */
export const endOf = ({ until }) => (until === undefined ? Infinity : Date.parse(until));

/** What `info` told, after a later event. */
export function withInfoChange(info, event) {
  return { ...info, ...(changes[event.type]?.(info, event) ?? {}), upto: event.seq };
}

const changes = {
  pin: ({ pins }, { target, on }) => ({ pins: on ? [...others(pins, target), target] : others(pins, target) }),
  delete: ({ pins }, { target }) => ({ pins: others(pins, target) }),

  member(info, { person, on }) {
    const known = info.members.some(({ id }) => id === person.id);
    if (!on) return withoutMember(info, person.id);
    const coming = { knocking: others(info.knocking, person.id), restricted: lifted(info, "ban", person.id) };
    return known ? coming : { ...coming, count: info.count + 1, members: [...info.members, person] };
  },

  role(info, { room, person, role }) {
    if (room === SERVER) {
      const rest = withoutMember(info, person);
      return role === "member" ? rest : { count: rest.count + 1, members: [...rest.members, { id: person, role }] };
    }
    const retired = (member) => (role === "owner" && member.role === "owner" ? { ...member, role: "moderator" } : member);
    return { members: info.members.map((member) => (member.id === person ? { ...member, role } : retired(member))) };
  },

  ban(info, event) {
    const restricted = restrictedAfter(info, event);
    return event.on ? { ...withoutMember(info, event.person), restricted, knocking: others(info.knocking, event.person) } : { restricted };
  },

  mute: (info, event) => ({ restricted: restrictedAfter(info, event) }),
  mode: (_, { mode, quiet_until: quietUntil, quiet = true }) => ({
    ...(mode ? { mode } : {}), ...(quietUntil ? { quietUntil: Date.parse(quietUntil) } : quiet ? {} : { quietUntil: 0 }),
  }),
  trust: ({ knocking }, { person, on }) => (on ? { knocking: others(knocking, person) } : {}),
  knock: ({ knocking }, { person, on }) => ({ knocking: on ? [...others(knocking, person), person] : others(knocking, person) }),
};

const others = (list, one) => list.filter((other) => other !== one);

function withoutMember({ members, count }, id) {
  const left = members.filter((member) => member.id !== id);
  return { members: left, count: count - (members.length - left.length) };
}

const lifted = ({ restricted }, what, person) => restricted.filter((one) => one.what !== what || one.person !== person);

function restrictedAfter(info, event) {
  const rest = lifted(info, event.type, event.person);
  return event.on ? [...rest, { what: event.type, person: event.person, until: endOf(event) }] : rest;
}

/** The answer to `info`. */
export function withInfo(room, frame) {
  if (isStale(room, frame)) return room;
  const { members = [], count = members.length, pins = [], policy = {}, upto, cursor } = frame;
  const restricted = (frame.restricted ?? []).map((one) => ({ what: one.what, person: one.person.id, until: endOf(one) }));
  const knocking = (frame.knocking ?? []).map(({ id }) => id);
  const info = room.recent.changes.reduce(
    (known, event) => (event.seq > known.upto ? withInfoChange(known, event) : known),
    { members, count, pins, restricted, knocking, mode: policy.mode ?? null, quietUntil: policy.quiet_until_ms ?? 0, upto, cursor },
  );
  const next = { ...room, info, owner: frame.owner ?? room.owner, members: room.kind === "public" ? room.members : info.count };
  if (room.isMember) return next;
  // It is in no list.
  Object.assign(next, { title: frame.title ?? "", topic: frame.topic ?? "", picture: frame.picture ?? null, policy });
  for (const event of room.recent.changes) if (event.type === "settings" && event.seq > upto) applySettings(next, event);
  return next;
}

/** An answer to `info` with its cursor: further members. */
export function withMoreMembers(room, frame) {
  if (room.info === null || isStale(room, frame)) return room;
  const known = new Set(room.info.members.map(({ id }) => id));
  const members = [...room.info.members, ...(frame.members ?? []).filter(({ id }) => !known.has(id))];
  return { ...room, info: { ...room.info, members, cursor: frame.cursor } };
}
