/**
 * Dialog of those who run the server: whom somebody has brought in, and whom those have; all that are chosen can be banned.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { mayBan, restrictionOf } from "../../core/permissions.js";
import { SERVER } from "../../core/standing.js";
import { ago } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";
import { nameOf } from "./moderation.js";

/** @param {object} shell @param {string} id @param {string} name who brought them in */
export async function openBranch(shell, id, name) {
  const { app } = shell;
  const [answer] = await Promise.all([app.moderation.branch(id), needStyles(), app.info(SERVER)]);
  if (!answer.ok) {
    shell.say(answer);
    return;
  }
  const { people, more } = answer;
  const names = new Map([[id, name], ...people.map(({ person }) => [person.id, person.name])]);
  const server = app.state.rooms.get(SERVER);
  const isOffered = (one) => mayBan(app.state, server, one) && restrictionOf(server, "ban", one, Date.now()) === null;
  const chosen = new Set(people.map(({ person }) => person.id).filter(isOffered));
  const trouble = problem();
  const ban = button("danger", "", async () => {
    ban.disabled = true;
    const { done, failed } = await restrictAll(app, chosen, true);
    if (done.length > 0) shell.toast(modTexts.branchBanned(done.length), { action: { label: laterTexts.talkUndo, onPress: () => undo(shell, done) } });
    for (const one of done) chosen.delete(one);
    trouble.textContent = failed?.message ?? "";
    if (failed) show();
    else dialog.close();
  });
  const show = () => {
    ban.textContent = modTexts.branchBan(chosen.size);
    ban.disabled = chosen.size === 0;
  };
  const entries = people.map(({ person, by, at }) => {
    const about = modTexts.branchAbout(names.get(by) || nameOf(app.state, by), ago(Date.parse(at)));
    const text = make("span", "entry-text", make("bdi", "entry-title", person.name || nameOf(app.state, person.id)), " ", make("span", "entry-about", about));
    const face = makeAvatar({ ...person, name: person.name || nameOf(app.state, person.id) });
    const box = make("input");
    Object.assign(box, { type: "checkbox", checked: chosen.has(person.id), disabled: !chosen.has(person.id) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(person.id);
      else chosen.delete(person.id);
      show();
    });
    return make("li", "", make("label", "decision", face, text, box));
  });
  show();
  const dialog = openDialog({
    title: modTexts.branchTitle(name),
    className: "small",
    content: people.length === 0 ? [make("div", "about", modTexts.branchNone(name))] : [
      make("div", "about", more ? modTexts.branchMore(people.length) : modTexts.branchHelp),
      make("ul", "entries", ...entries),
      trouble,
      make("div", "actions", ban),
    ],
  });
}

async function undo(shell, people) {
  const { done, failed } = await restrictAll(shell.app, people, false);
  if (failed) shell.say(failed);
  else shell.toast(modTexts.branchUnbanned(done.length));
}

/** One after the other, until one fails. @returns {Promise<{done: string[], failed: object|null}>} */
async function restrictAll(app, people, on) {
  const done = [];
  for (const one of people) {
    const answer = await app.moderation.restrict("ban", SERVER, one, { on });
    if (!answer.ok) return { done, failed: answer };
    done.push(one);
  }
  return { done, failed: null };
}
