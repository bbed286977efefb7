/**
 * Choice of somebody's role in a room, or in the server room on the server. It takes effect at once; a role that cannot be
 * taken back is asked about first.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { rolesToGive } from "../../core/permissions.js";
import { SERVER, roleIn, serverRoleOf } from "../../core/standing.js";
import { confirm } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { field, problem, select } from "../parts/forms.js";
import { nameOf } from "./moderation.js";

/** @param {object} shell @param {string} roomName @param {string} id @param {{isBare?: boolean}} [look] isBare: its label is only heard */
export function roleField(shell, roomName, id, { isBare = false } = {}) {
  const { app } = shell;
  const isServer = roomName === SERVER;
  const room = () => app.state.rooms.get(roomName);
  const present = () => (isServer ? serverRoleOf(app.state, id) : roleIn(app.state, room(), id));
  const trouble = problem();
  const names = isServer ? modTexts.serverRoles : modTexts.roomRoles;
  const choice = select(rolesToGive(app.state, room(), id).map((role) => [role, names[role]]), present());
  choice.addEventListener("change", async () => {
    const role = choice.value;
    const before = present();
    trouble.textContent = "";
    if (isFinal(app.state, roomName, id, role) && !(await isSure(app.state, roomName, id, role))) {
      choice.value = before;
      return;
    }
    const answer = await app.moderation.setRole(roomName, id, role);
    if (!answer.ok) {
      trouble.textContent = answer.message;
      choice.value = before;
      return;
    }
    shell.toast(modTexts.roleGiven(nameOf(app.state, id), role, isServer));
  });
  if (!isBare) return make("div", "", field(isServer ? modTexts.roleServer : modTexts.roleRoom, choice), trouble);
  choice.setAttribute("aria-label", `${modTexts.roleServer}: ${nameOf(app.state, id)}`);
  return make("div", "role-choice", choice, trouble);
}

/** Whether one could not take it back: a room's ownership, one's own role, an equal on the server. */
const isFinal = (state, room, id, role) => role === "owner" || id === state.me?.id;

function isSure(state, room, id, role) {
  const isOwn = id === state.me?.id;
  return confirm({
    title: isOwn ? modTexts.giveUpTitle : modTexts.ownerTitle(nameOf(state, id)),
    text: isOwn ? modTexts.giveUpText : room === SERVER ? modTexts.serverOwnerText : modTexts.roomOwnerText,
    yes: isOwn ? modTexts.giveUp : modTexts.makeOwner,
    no: laterTexts.shellCancel,
  });
}
