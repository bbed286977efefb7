/**
 * Dialog about a person: name, avatar, last seen, and a button to write to them.
 */
import { person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";

/** @param {object} shell @param {string} id @param {string} [knownName] what they were called where one pressed */
export async function openPersonCard(shell, id, knownName = "") {
  const { app } = shell;
  if (id === app.state.me?.id) {
    shell.settings();
    return;
  }
  await Promise.all([needStyles(), app.people([id])]); // as they are now
  const one = person(app.state, id, knownName);
  const trouble = problem();
  const avatar = makeAvatar(one);
  avatar.classList.add("huge");
  const name = make("h2", "", one.name);
  name.dir = "auto";
  const seen = one.here ? texts.shellHere : one.seen ? texts.shellLastSeen(ago(Date.parse(one.seen))) : "";
  const write = button("primary", texts.shellWrite, async () => {
    const answer = await app.direct(id);
    if (!answer.ok) {
      trouble.textContent = answer.message;
      return;
    }
    dialog.close();
    shell.open(answer.room);
  });
  const dialog = openDialog({
    title: texts.shellPerson,
    className: "small",
    content: [make("div", "card", avatar, name, make("div", "about", seen)), trouble, make("div", "actions", write)],
  });
}
