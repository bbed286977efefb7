/**
 * Dialog to become the person of another device, by the device code that it shows.
 */
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { field, form, input, needStyles } from "../parts/forms.js";

/** @param {object} shell @param {string} [code] out of a link; else one types it */
export async function openUseDeviceCode(shell, code = "") {
  await needStyles();
  const { app } = shell;
  const typed = input({ value: code, maxLength: 20, autocapitalize: "characters", spellcheck: false, dir: "ltr", autofocus: code === "" });
  const link = async () => {
    const answer = await app.useDeviceCode(typed.value.trim().toUpperCase());
    if (!answer.ok) return answer.message;
    dialog.close();
    shell.toast(texts.shellLinked(answer.user.name));
    return null;
  };
  const dialog = openDialog({
    title: texts.shellUseLinkTitle,
    className: "small",
    content: [
      make("div", "about", texts.shellUseLinkText(app.state.me.name)),
      form([field(texts.shellCode, typed)], { label: texts.shellUseLinkYes, onSubmit: link }),
    ],
  });
}
