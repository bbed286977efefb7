/**
 * Dialog to report a message, or a person, to those who run the server.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { openDialog } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { field, form, input, needStyles } from "../parts/forms.js";

const WHY_LENGTH = 200;

/** @param {object} shell @param {{name: string, room?: string, seq?: number, person?: string}} about a message, or a person */
export async function openReport(shell, { name, room, seq, person }) {
  await needStyles();
  const why = input({ maxLength: WHY_LENGTH });
  const send = async () => {
    const answer = await shell.app.moderation.report({ room, seq, person, why: why.value.trim() });
    if (!answer.ok) return answer.message;
    dialog.close();
    shell.toast(modTexts.reported);
    return null;
  };
  const dialog = openDialog({
    title: seq ? modTexts.reportMessageTitle : modTexts.reportPersonTitle(name),
    className: "small",
    content: [
      make("div", "about", seq ? modTexts.reportMessageText : modTexts.reportPersonText),
      form([field(modTexts.reportWhy, why, { isOptional: true })], { label: modTexts.reportSend, onSubmit: send }),
    ],
  });
  why.focus();
}
