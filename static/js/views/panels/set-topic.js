/**
 * Dialog to say what a room is about.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { field, form, input, needStyles } from "../parts/forms.js";

/** @param {object} shell @param {string} name of the room */
export async function openSetTopic(shell, name) {
  await needStyles();
  const topic = input({ maxLength: 200, autofocus: true, value: shell.app.state.rooms.get(name)?.topic ?? "" });
  const save = async () => {
    const answer = await shell.app.setRoom(name, { topic: topic.value.trim() });
    if (!answer.ok) return answer.message;
    dialog.close();
    return null;
  };
  const dialog = openDialog({
    title: laterTexts.emptySetTopic,
    className: "small",
    content: [form([field(laterTexts.shellRoomTopic, topic)], { label: laterTexts.shellSave, onSubmit: save })],
  });
}
