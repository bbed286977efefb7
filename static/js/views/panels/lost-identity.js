/**
 * Dialog of who to be, when the server does not know this browser's person: by a code, or as somebody new.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { field, form, input, needStyles, problem } from "../parts/forms.js";

/**
 * @param {object} shell @param {{why: string}} lost @param {() => boolean} isAsked whether it still is so
 * @returns {Promise<object|null>} the dialog
 */
export async function openLostIdentity(shell, { why }, isAsked) {
  await needStyles();
  if (!isAsked()) return null;
  const { app } = shell;
  const name = app.state.me?.name ?? "";
  const code = input({ maxLength: 40, autocapitalize: "characters", spellcheck: false, dir: "ltr" });
  const trouble = problem();
  const use = async () => {
    const answer = await app.useCode(code.value.trim().toUpperCase());
    if (!answer.ok) return answer.message;
    shell.toast(laterTexts.shellLinked(answer.user.name));
    return null;
  };
  const anew = button("", laterTexts.lostAnew, async () => {
    anew.disabled = true;
    const answer = await app.startAnew();
    anew.disabled = false;
    trouble.textContent = answer.ok ? "" : answer.message;
  });
  return openDialog({
    title: laterTexts.lostTitle[why],
    className: "small",
    content: [
      make("div", "about", laterTexts.lostText[why](name)),
      form([field(laterTexts.lostCode, code, { help: laterTexts.lostCodeHelp })], { label: laterTexts.lostUseCode, onSubmit: use }),
      make("div", "about", laterTexts.lostAnewText[why]),
      trouble,
      make("div", "actions", anew),
    ],
  });
}
