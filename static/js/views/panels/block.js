/**
 * Confirmation before somebody is blocked.
 */
import { laterTexts } from "../../core/later-texts.js";
import { confirm } from "../parts/dialog.js";

/** @param {object} shell @param {{id: string, name: string}} one @returns {Promise<boolean>} whether they are blocked now */
export async function askToBlock(shell, { id, name }) {
  const isSure = await confirm({
    title: laterTexts.shellBlockTitle(name),
    text: laterTexts.shellBlockText,
    yes: laterTexts.shellBlock,
    no: laterTexts.shellCancel,
    isDanger: true,
  });
  if (!isSure) return false;
  const { app } = shell;
  app.block(id, true);
  shell.toast(laterTexts.shellBlockedDone(name), { action: { label: laterTexts.talkUndo, onPress: () => app.block(id, false) } });
  return true;
}
