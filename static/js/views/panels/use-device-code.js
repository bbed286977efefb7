/**
 * Dialog to become the person of another device, by the device code that it shows, or by a recovery code. It says first
 * who that is; who one was is kept.
 */
import { laterTexts } from "../../core/later-texts.js";
import { makeAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { field, form, input, needStyles } from "../parts/forms.js";

/**
 * @param {object} shell @param {string} [code] out of a link; else one types it
 * @param {() => void} [onEnd] called when it is answered, or closed
 */
export async function openUseDeviceCode(shell, code = "", onEnd = () => {}) {
  await needStyles();
  if (code !== "") {
    const answer = await shell.app.whose(code);
    if (answer.ok) confirmPerson(shell, answer.user, code, onEnd);
    else openDialog({ title: laterTexts.shellUseLinkBroken, className: "small", content: [make("div", "about", answer.message)], onClose: onEnd });
    return;
  }
  const typed = input({ maxLength: 40, autocapitalize: "characters", spellcheck: false, dir: "ltr", autofocus: true });
  const ask = async () => {
    const given = typed.value.trim().toUpperCase();
    const answer = await shell.app.whose(given);
    if (!answer.ok) return answer.message;
    dialog.close();
    confirmPerson(shell, answer.user, given);
    return null;
  };
  const dialog = openDialog({
    title: laterTexts.shellBeenHere,
    className: "small",
    content: [
      make("div", "about", laterTexts.shellBeenHereText),
      form([field(laterTexts.shellCode, typed)], { label: laterTexts.shellNext, onSubmit: ask }),
    ],
  });
}

function confirmPerson(shell, user, code, onEnd = () => {}) {
  const { me } = shell.app.state;
  const avatar = makeAvatar(user);
  avatar.classList.add("big");
  const name = make("bdi", "card-name", user.name);
  const link = async () => {
    const answer = await shell.app.useCode(code);
    if (!answer.ok) return answer.message;
    dialog.close();
    shell.toast(laterTexts.shellLinked(answer.user.name));
    return null;
  };
  const dialog = openDialog({
    title: laterTexts.shellUseLinkTitle(user.name),
    className: "small",
    onClose: onEnd,
    content: [
      make("div", "card", avatar, name),
      make("div", "about", laterTexts.shellUseLinkText(me.name, user.name)),
      form([], { label: laterTexts.shellUseLinkYes, onSubmit: link }),
    ],
  });
}
