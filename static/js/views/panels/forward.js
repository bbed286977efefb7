/**
 * Dialog to forward a message to another room.
 */
import { avatarOf, roomList } from "../../core/around.js";
import { fold } from "../../core/fold.js";
import { laterTexts } from "../../core/later-texts.js";
import { titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { make, onKeydown } from "../parts/dom.js";
import { entry, input, needStyles } from "../parts/forms.js";
import { isTouchScreen } from "../parts/hands.js";

/** @param {object} shell @param {object} item of the timeline @returns {Promise<object>} the dialog */
export async function openForward(shell, item) {
  await needStyles();
  const { app } = shell;
  const filter = input({ type: "search", placeholder: texts.shellFilter, autofocus: !isTouchScreen() });
  filter.setAttribute("aria-label", texts.shellFilter);
  const list = make("ul", "entries");
  const show = () => {
    const query = fold(filter.value.trim());
    const rooms = roomList(app.state).filter((room) => fold(titleOf(app.state, room)).includes(query));
    list.replaceChildren(...rooms.map((room) => entry(avatarOf(app.state, room), titleOf(app.state, room), "", () => dialog.close(room.name))));
  };
  filter.addEventListener("input", show);
  onKeydown(filter, (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    list.querySelector("button")?.click();
  });
  show();
  const dialog = openDialog({
    title: laterTexts.talkForwardTo,
    className: "chooser",
    content: [filter, list],
    onClose: (room) => room && send(shell, item, room),
  });
  return dialog;
}

async function send(shell, item, room) {
  const { app } = shell;
  const { message } = app.copyAt(item.room, item.seq); // as it stands now
  if (!message || message.isDeleted) return;
  const original = message.forwarded ?? message.name;
  const title = titleOf(app.state, app.state.rooms.get(room));
  shell.toast(laterTexts.talkForwardedTo(title), room === app.state.open ? {} : { action: { label: laterTexts.shellOpen, onPress: () => shell.open(room) } });
  // A file that is forwarded is one more name of what the server has: no byte goes anywhere.
  const files = message.files.map((file) => ({ ...file, of: { room: item.room, seq: item.seq, n: file.n } }));
  const answer = await (files.length > 0 ? app.files.send(room, message.text, files, { forwarded: original }) : app.send(room, message.text, { forwarded: original }));
  if (!answer.ok) shell.say(answer);
}
