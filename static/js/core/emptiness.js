/**
 * What a room without a message says in place of messages: what it is, and what comes first. Pure.
 */
import { HOME } from "./home.js";
import { isAllowed, mayRetopic, writingIn } from "./permissions.js";
import { shown } from "./select.js";
import { SERVER } from "./standing.js";

/**
 * @returns {null | {kind: "missing" | "home" | "public" | "private" | "direct", reason?: string|null,
 *   mayInvite?: boolean, maySetTopic?: boolean, mayGreet?: boolean, hasNotes?: boolean}} null: there are messages, or it is not known
 *   yet. missing: nobody has made it, or nobody can (`reason`)
 */
export function emptinessOf(state, room, nowMs) {
  if (!room.isSynced) return null;
  if (room.isMissing) return { kind: "missing", reason: room.missingReason };
  const { window, events } = shown(state, room);
  if (room.name === SERVER || window.hasOlder || room.detached || events.some(({ type }) => type === "message")) return null;
  const hasNotes = events.length > 0;
  if (room.name === HOME) return { kind: "home", hasNotes };
  if (room.kind === "direct") return { kind: "direct", mayGreet: writingIn(state, room, nowMs).kind === "open", hasNotes };
  return {
    kind: room.kind,
    mayInvite: isAllowed(state, room, "inviting"),
    maySetTopic: room.topic === "" && mayRetopic(state, room),
    hasNotes,
  };
}
