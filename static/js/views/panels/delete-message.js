/**
 * Confirmation before deleting a message, for oneself or for everybody; moderators can mute its author with it.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { openRoom } from "../../core/select.js";
import { mayMute } from "../../core/permissions.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles } from "../parts/forms.js";
import { restrict, wipe } from "./moderation.js";

const MUTE_S = 3600;
const WIPES = { hour: 3600, day: 86400 };

/** @param {object} shell @param {object} item @param {object} _at @param {object} does see actions.js */
export async function openDelete(shell, item, _at, does) {
  await needStyles();
  const { app } = shell;
  const { room } = item;
  const mayAll = does.mayDelete(item);
  const actions = make("div", "actions stacked");
  if (mayAll) actions.append(button("danger", laterTexts.talkDeleteForAll, () => dialog.close("all")));
  const mayMuteToo = !item.isOwn && mayAll && mayMute(app.state, openRoom(app.state), item.from);
  if (mayMuteToo) {
    actions.append(
      button("danger", modTexts.deleteAndMute(item.name), () => dialog.close("mute")),
      button("danger-text", modTexts.deleteHour(item.name), () => dialog.close("hour")),
      button("danger-text", modTexts.deleteDay(item.name), () => dialog.close("day")),
    );
  }
  actions.append(
    button("", laterTexts.talkDeleteForMe, () => dialog.close("me")),
    button("", laterTexts.shellCancel, () => dialog.close()),
  );
  const dialog = openDialog({
    title: laterTexts.talkDeleteTitle,
    className: "small",
    content: [make("div", "about", mayAll ? laterTexts.talkDeleteText : laterTexts.talkDeleteOwnText), actions],
    onClose: (whose) => {
      if (whose === "all" || whose === "mute") app.delete(room, item.seq);
      if (whose === "mute") restrict(shell, "mute", room, item.from, { seconds: MUTE_S }).then(shell.say);
      if (whose in WIPES) wipe(shell, room, item.from, WIPES[whose]);
      if (whose === "me") does.forMe(item);
    },
  });
  actions.firstChild.focus({ focusVisible: false });
  return dialog;
}
