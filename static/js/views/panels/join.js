/**
 * Dialog of an opened invitation: where it leads and from whom, then join. A new user may choose a name on the way.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { updateAvatar } from "../parts/avatar.js";
import { field, form, input, needStyles } from "../parts/forms.js";

/** @param {object} shell @param {string} token @param {() => void} [onEnd] called when it is answered, or closed */
export async function openJoin(shell, token, onEnd = () => {}) {
  await needStyles();
  const { app } = shell;
  const invitation = await app.peek(token);
  if (!invitation.ok) {
    openDialog({ title: laterTexts.shellJoinBroken, className: "small", content: [make("div", "about", invitation.message)], onClose: onEnd });
    return;
  }
  if (invitation.room) {
    onEnd();
    await shell.open(invitation.room);
    shell.toast(laterTexts.shellJoinedAlready);
    return;
  }
  const { me } = app.state;
  const name = input({ maxLength: 40, autocomplete: "nickname", value: me.name });
  const isNew = !me.hasChosenName;
  const join = async () => {
    const chosen = name.value.trim();
    if (isNew && chosen !== "" && chosen !== me.name) {
      const renamed = await app.rename(chosen);
      if (!renamed.ok) return renamed.message;
    }
    const answer = await app.accept(token, title);
    if (!answer.ok) return answer.message;
    dialog.close();
    if (answer.isWaiting) {
      openWaiting(shell, title);
      return null;
    }
    shell.open(answer.room);
    return null;
  };
  const title = invitation.title || laterTexts.shellPrivateRoom;
  const dialog = openDialog({
    title: laterTexts.shellJoinTitle(title),
    className: "small",
    onClose: onEnd,
    content: [
      invitationCard(invitation, title),
      form(isNew ? [field(laterTexts.nameLabel, name)] : [], { label: laterTexts.shellJoin, onSubmit: join }),
    ],
  });
  if (isNew) name.select();
}

/** The room lets people in one by one. */
function openWaiting(shell, title) {
  const sign = make("div", "card", icon("door"));
  const done = button("primary", laterTexts.close, () => dialog.close());
  const dialog = openDialog({
    title: modTexts.knockedTitle,
    className: "small knocked",
    content: [sign, make("div", "about", modTexts.knockedText(title)), make("div", "actions", done)],
  });
  done.focus({ focusVisible: false });
}

function invitationCard({ topic, members, by }, title) {
  const seal = make("span", "avatar seal big");
  seal.setAttribute("aria-hidden", "true");
  updateAvatar(seal, { id: title, name: title });
  const lines = [by ? laterTexts.shellJoinBy(by.name) : "", topic, members ? laterTexts.shellMembers(members) : ""].filter(Boolean);
  return make("div", "card", seal, ...lines.map((line) => {
    const element = make("div", "about", line);
    element.dir = "auto";
    return element;
  }));
}
