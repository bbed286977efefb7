/**
 * Confirmation before somebody is blocked.
 */
import { texts } from "../../core/texts.js";
import { confirm } from "../parts/dialog.js";

/** @param {object} shell @param {{id: string, name: string}} one @returns {Promise<boolean>} whether they are blocked now */
export async function askToBlock(shell, { id, name }) {
  const isSure = await confirm({
    title: texts.shellBlockTitle(name),
    text: texts.shellBlockText,
    yes: texts.shellBlock,
    no: texts.shellCancel,
    isDanger: true,
  });
  if (!isSure) return false;
  const { app } = shell;
  app.block(id, true);
  shell.toast(texts.shellBlockedDone(name), { action: { label: texts.talkUndo, onPress: () => app.block(id, false) } });
  return true;
}
