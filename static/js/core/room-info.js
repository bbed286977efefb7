/**
 * What describes a room: title, topic, kind, owner, members and pins, as told by `info` and by events. Pure.
 */
import { isStale } from "./room-history.js";

/** What an event says of the room itself, put into `room`, which is a copy already. */
export function applySettings(room, event) {
  if (event.type === "settings" || event.type === "created") {
    room.title = event.title ?? room.title;
    room.topic = event.topic ?? room.topic;
  }
  if (event.type === "created") {
    room.kind = event.kind;
    room.owner = event.from;
    room.activeAt = Math.max(room.activeAt, Date.parse(event.at));
  }
  if (event.type === "member" && room.members !== null) room.members += event.on ? 1 : -1;
}

/** What `info` told, after a later event. */
export function withInfoChange(info, event) {
  const upto = event.seq;
  const pins = () => info.pins.filter((seq) => seq !== event.target);
  if (event.type === "pin") return { ...info, upto, pins: event.on ? [...pins(), event.target] : pins() };
  if (event.type === "delete") return { ...info, upto, pins: pins() };
  if (event.type !== "member") return { ...info, upto };
  const others = info.members.filter(({ id }) => id !== event.person.id);
  const isThere = others.length < info.members.length;
  const change = event.on ? Number(!isThere) : -Number(isThere);
  const joined = isThere ? info.members : [...others, event.person];
  return { ...info, upto, count: info.count + change, members: event.on ? joined : others };
}

/** The answer to `info`. */
export function withInfo(room, frame) {
  if (isStale(room, frame)) return room;
  const { members = [], count = members.length, pins = [], upto, cursor } = frame;
  const info = room.recent.changes.reduce(
    (known, event) => (event.seq > known.upto ? withInfoChange(known, event) : known), { members, count, pins, upto, cursor },
  );
  const next = { ...room, info, owner: frame.owner ?? room.owner, members: room.kind === "public" ? room.members : info.count };
  if (room.isMember) return next;
  Object.assign(next, { title: frame.title ?? "", topic: frame.topic ?? "" }); // it is in no list
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
