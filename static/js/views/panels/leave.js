/**
 * Confirmation before leaving a room: to some there is no simple way back.
 */
import { HOME } from "../../core/home.js";
import { laterTexts } from "../../core/later-texts.js";
import { titleOf } from "../../core/select.js";
import { confirm } from "../parts/dialog.js";
import { needStyles } from "../parts/forms.js";

/** @param {object} shell @param {string} name of the room @returns {Promise<boolean>} whether it was left */
export async function askToLeave(shell, name) {
  await needStyles();
  const { app } = shell;
  const room = app.state.rooms.get(name);
  if (!room) return false;
  const title = titleOf(app.state, room);
  const isSure = await confirm({
    title: laterTexts.shellLeaveTitle(title),
    text: { public: laterTexts.shellLeavePublicText, direct: laterTexts.shellLeaveDirectText }[room.kind] ?? laterTexts.shellLeaveText,
    yes: room.kind === "direct" ? laterTexts.shellLeaveDirect : laterTexts.shellLeave,
    no: laterTexts.shellCancel,
    isDanger: true,
  });
  if (!isSure) return false;
  const answer = await app.leave(name);
  shell.say(answer);
  if (!answer.ok) return false;
  if (app.state.open === name) await shell.open(HOME);
  shell.toList();
  shell.toast(laterTexts.shellLeft(title));
  return true;
}
