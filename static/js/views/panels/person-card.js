/**
 * Dialog about a person: name, avatar, last seen, and buttons to write to them and to block them.
 */
import { isBlocked, person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";
import { askToBlock } from "./block.js";

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
  const about = make("div", "about");
  const block = button("danger-text", "", async () => {
    if (isBlocked(app.state, id)) app.block(id, false);
    else if (!(await askToBlock(shell, { id, name: one.name }))) return;
    show();
  });
  const show = () => {
    const isOut = isBlocked(app.state, id);
    about.textContent = isOut ? texts.shellBlockedAbout : seen;
    block.textContent = isOut ? texts.shellUnblock : texts.shellBlock;
    write.hidden = isOut;
  };
  show();
  const dialog = openDialog({
    title: texts.shellPerson,
    className: "small",
    content: [make("div", "card", avatar, name, about), trouble, make("div", "actions", block, write)],
  });
}
