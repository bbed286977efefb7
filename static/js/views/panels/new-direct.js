/**
 * Dialog to start a direct room with somebody.
 */
import { laterTexts } from "../../core/later-texts.js";
import { pickPerson } from "./pick-person.js";

export function openNewDirect(shell) {
  return pickPerson(shell, {
    title: laterTexts.shellNewDirect,
    text: laterTexts.shellDirectText,
    onChoose: async (id) => {
      const answer = await shell.app.direct(id);
      if (!answer.ok) return answer.message;
      shell.open(answer.room);
      return null;
    },
  });
}
