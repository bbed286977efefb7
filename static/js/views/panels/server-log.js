/**
 * Saves the log of what was decided for the whole server, as a file: one event a line, as JSON.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { SERVER } from "../../core/standing.js";

/** @param {object} shell */
export async function saveLog(shell) {
  const answer = await shell.app.moderation.wholeLog(SERVER);
  if (!answer.ok) {
    shell.say(answer);
    return;
  }
  const lines = answer.events.map((event) => `${JSON.stringify(event)}\n`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  link.download = `server-log-${new Date().toISOString().slice(0, 10)}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  shell.toast(modTexts.logSaved(answer.events.length));
}
