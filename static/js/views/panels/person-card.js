/**
 * Dialog about a person: name, avatar, last seen, roles, and what one can do: write to them, block them, give them a
 * role, moderate.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { isBlocked, openRoom, person } from "../../core/select.js";
import { rolesToGive, runsServer } from "../../core/permissions.js";
import { SERVER, moderates, roleIn, serverRoleOf } from "../../core/standing.js";
import { ago } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";
import { askToBlock } from "./block.js";
import { openBranch } from "./branch.js";
import { mayModerate, openModerate, restrictionText } from "./moderate.js";
import { restrictionsOf, vouch } from "./moderation.js";
import { roleField } from "./role-field.js";

/** @param {object} shell @param {string} id @param {string} [knownName] what they were called where one pressed */
export async function openPersonCard(shell, id, knownName = "") {
  const { app } = shell;
  if (id === app.state.me?.id) {
    shell.settings();
    return;
  }
  const places = [openRoom(app.state), app.state.rooms.get(SERVER)].filter((room) => room && moderates(app.state, room));
  await Promise.all([needStyles(), app.people([id]), ...places.map((room) => app.info(room.name))]); // as they are now
  const { state } = app;
  const one = person(state, id, knownName);
  const trouble = problem();
  const avatar = makeAvatar(one);
  avatar.classList.add("huge");
  const name = make("h2", "", one.name);
  name.dir = "auto";
  const seen = one.here ? laterTexts.shellHere : one.seen ? laterTexts.shellLastSeen(ago(Date.parse(one.seen))) : "";
  const lines = [...rolesOf(state, id), ...restrictionsOf(state, state.open, id, Date.now()).map(restrictionText)];
  const write = button("primary", laterTexts.shellWrite, async () => {
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
    about.textContent = isOut ? laterTexts.shellBlockedAbout : seen;
    block.textContent = isOut ? laterTexts.shellUnblock : laterTexts.shellBlock;
    write.hidden = isOut;
  };
  show();
  const dialog = openDialog({
    title: laterTexts.shellPerson,
    className: "small",
    content: [
      make("div", "card", avatar, name, about, ...lines.filter(Boolean).map((line) => make("div", "about", line))),
      trouble,
      ...roleFields(shell, id),
      make("div", "actions", ...moderateButton(shell, id, one.name, () => dialog.close()), block, write),
      make("div", "card-more", ...more(shell, id, one.name, () => dialog.close())),
    ],
  });
}

function rolesOf(state, id) {
  const room = openRoom(state);
  const roles = [];
  if (room.name !== SERVER && room.kind !== "direct") roles.push(modTexts.isRole(roleIn(state, room, id), false));
  roles.push(modTexts.isRole(serverRoleOf(state, id), true));
  return roles;
}

/** The roles that one may give, in the open room and on the server. */
function roleFields(shell, id) {
  const { state } = shell.app;
  const rooms = new Set([openRoom(state), state.rooms.get(SERVER)].filter(Boolean));
  return [...rooms].filter((room) => rolesToGive(state, room, id).length > 0).map((room) => roleField(shell, room.name, id));
}

/** What is seldom needed: to report them, and for those who run the server, to vouch for them. */
function more(shell, id, name, close) {
  const link = (text, onPress) => button("link-button", text, () => {
    close();
    onPress();
  });
  const links = [link(modTexts.reportPerson, () => shell.report({ person: id, name }))];
  if (runsServer(shell.app.state)) links.push(link(modTexts.branch, () => openBranch(shell, id, name)), link(modTexts.vouch, () => vouch(shell, id)));
  return links;
}

function moderateButton(shell, id, name, close) {
  if (!mayModerate(shell.app.state, id)) return [];
  const element = button("", "", () => {
    close();
    openModerate(shell, id, name);
  });
  element.append(icon("shield"), make("span", "", modTexts.moderate));
  return [element];
}
