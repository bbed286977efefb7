/**
 * Confirmation before deleting a message, for oneself or for everybody.
 */
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles } from "../parts/forms.js";

/** @param {object} shell @param {object} item @param {object} _at @param {object} does see actions.js */
export async function open(shell, item, _at, does) {
  await needStyles();
  const { app } = shell;
  const room = app.state.open;
  const mayAll = does.mayDelete(item);
  const actions = make("div", "actions stacked");
  if (mayAll) actions.append(button("danger", texts.talkDeleteForAll, () => dialog.close("all")));
  actions.append(
    button("", texts.talkDeleteForMe, () => dialog.close("me")),
    button("", texts.shellCancel, () => dialog.close()),
  );
  const dialog = openDialog({
    title: texts.talkDeleteTitle,
    className: "small",
    content: [make("div", "about", mayAll ? texts.talkDeleteText : texts.talkDeleteOwnText), actions],
    onClose: (whose) => {
      if (whose === "all") app.delete(room, item.seq);
      else if (whose === "me") does.forMe(item);
    },
  });
  actions.firstChild.focus({ focusVisible: false });
}
