/**
 * Dialogs of an opened owner link: asks, makes this person an owner of the server, and says what comes first.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { SERVER } from "../../core/standing.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { field, form, input, needStyles } from "../parts/forms.js";

/** @param {object} shell @param {string} token @param {() => void} [onEnd] called when it is answered, or closed */
export async function openOwn(shell, token, onEnd = () => {}) {
  await needStyles();
  const { app } = shell;
  const { me } = app.state;
  const isNew = !me.hasChosenName;
  const name = input({ maxLength: 40, autocomplete: "nickname", value: me.name });
  const become = async () => {
    const chosen = name.value.trim();
    if (isNew && chosen !== "" && chosen !== me.name) {
      const renamed = await app.rename(chosen);
      if (!renamed.ok) return renamed.message;
    }
    const answer = await app.moderation.becomeOwner(token);
    if (!answer.ok) return answer.message;
    dialog.close();
    openFirstSteps(shell);
    return null;
  };
  const dialog = openDialog({
    title: modTexts.ownTitle,
    className: "small",
    onClose: onEnd,
    content: [
      sign(),
      make("div", "about", modTexts.ownText),
      form(isNew ? [field(laterTexts.nameLabel, name)] : [], { label: modTexts.ownYes, onSubmit: become }),
    ],
  });
  if (isNew) name.select();
}

function sign() {
  const seal = make("span", "avatar seal big");
  seal.setAttribute("aria-hidden", "true");
  Object.assign(seal.dataset, { sign: "shield", colour: "2", initials: "" });
  return make("div", "card", seal);
}

function openFirstSteps(shell) {
  const steps = make("ol", "steps", ...modTexts.firstSteps.map(([title, text]) =>
    make("li", "", make("strong", "", title), " ", make("span", "about", text))));
  const go = button("primary", "", async () => {
    dialog.close();
    await shell.open(SERVER);
    shell.showInfo();
  });
  go.append(icon("shield"), make("span", "", modTexts.goToServer));
  const dialog = openDialog({
    title: modTexts.ownDone,
    className: "small",
    content: [sign(), steps, make("div", "actions", go)],
  });
  go.focus({ focusVisible: false });
}
