/**
 * What moderators do to a person, each with a toast that says so and can undo it.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { person } from "../../core/select.js";
import { restrictionOf } from "../../core/permissions.js";
import { SERVER } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { confirm } from "../parts/dialog.js";

/** A person's name, or a word for it. */
export const nameOf = (state, id, name = "") => person(state, id, name).name || texts.somebody;

/** All that an entry of a list shows of a person. */
export function faceOf(state, id) {
  const { colour, picture } = person(state, id);
  return { id, name: nameOf(state, id), colour, picture };
}

/**
 * Mute somebody ("mute"), or remove them from the room, or in the server room from the server ("ban").
 * @param {object} shell @param {"mute"|"ban"} what @param {string} room @param {string} id
 * @param {{seconds: number, reason?: string}} how seconds 0: for ever
 * @returns {Promise<object>} the answer
 */
export async function restrict(shell, what, room, id, { seconds, reason = "", addresses = false }) {
  const { app } = shell;
  const name = nameOf(app.state, id);
  const wasMember = app.state.rooms.get(room)?.info?.members.some((member) => member.id === id) ?? false;
  const answer = await app.moderation.restrict(what, room, id, { until: seconds === 0 ? null : Date.now() + seconds * 1000, reason, addresses });
  if (!answer.ok) return answer;
  const text = what === "mute" ? modTexts.muted : room === SERVER ? modTexts.banned : modTexts.removed;
  const undo = () => lift(shell, what, room, id, { isBack: wasMember });
  shell.toast(text(name, modTexts.for[seconds]), { action: { label: laterTexts.talkUndo, onPress: undo } });
  return answer;
}

/** End it. `isBack`: who was removed from a room is a member again at once. */
export async function lift(shell, what, room, id, { isBack = false } = {}) {
  const { app } = shell;
  const isReadmission = isBack && what === "ban" && room !== SERVER;
  const answer = await (isReadmission ? app.moderation.admit(room, id, true) : app.moderation.restrict(what, room, id, { on: false }));
  if (answer.ok) shell.toast((what === "mute" ? modTexts.unmuted : modTexts.unbanned)(nameOf(app.state, id)));
  else shell.say(answer);
}

/** Let somebody in, or send them away. */
export async function admit(shell, room, id, on) {
  const name = nameOf(shell.app.state, id);
  const { app } = shell;
  if (room === SERVER && !on) { // whom the server does not want is banned
    shell.say(await restrict(shell, "ban", SERVER, id, { seconds: 0 }));
    return;
  }
  const answer = await (room === SERVER ? app.moderation.trust(id, true) : app.moderation.admit(room, id, on));
  if (answer.ok) shell.toast((on ? modTexts.letIn : modTexts.sentAway)(name));
  else shell.say(answer);
}

/** Delete what somebody wrote in the room, or in the server room in all public ones, within so many seconds (0: all of it). */
export async function wipe(shell, room, id, seconds) {
  const name = nameOf(shell.app.state, id);
  const isSure = await confirm({
    title: modTexts.wipeTitle(name, modTexts.wipeWithin[seconds]),
    text: room === SERVER ? modTexts.wipeServerText : modTexts.wipeText,
    yes: modTexts.wipeYes,
    no: laterTexts.shellCancel,
    isDanger: true,
  });
  if (!isSure) return;
  const answer = await shell.app.moderation.wipe(room, id, seconds === 0 ? 0 : Date.now() - seconds * 1000);
  if (answer.ok) shell.toast(modTexts.wiped(name));
  else shell.say(answer);
}

/** Vouch for somebody: nothing that is for newcomers holds for them. */
export async function vouch(shell, id) {
  const { app } = shell;
  const answer = await app.moderation.trust(id, true);
  const undo = async () => shell.say(await app.moderation.trust(id, false));
  if (answer.ok) shell.toast(modTexts.vouched(nameOf(app.state, id)), { action: { label: laterTexts.talkUndo, onPress: undo } });
  else shell.say(answer);
}

/** What holds of a person in a room and on the server: `[{what, room, until}]`. */
export function restrictionsOf(state, room, id, nowMs) {
  const places = [...new Set([room, SERVER])].map((name) => state.rooms.get(name)).filter(Boolean);
  return places.flatMap((place) => ["mute", "ban"].map((what) => ({ what, room: place.name, until: restrictionOf(place, what, id, nowMs) })))
    .filter(({ until }) => until !== null);
}
