/**
 * Dialog about a person: name, avatar, last seen, roles, rooms in common, and what one can do: write to them, mention
 * them, block them, give them a role, moderate. It follows the state while it is open.
 */
import { avatarOf } from "../../core/around.js";
import { roomsInCommon } from "../../core/common-rooms.js";
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { isBlocked, openRoom, person, titleOf } from "../../core/select.js";
import { rolesToGive, runsServer, writingIn } from "../../core/permissions.js";
import { SERVER, moderates, roleIn, serverRoleOf } from "../../core/standing.js";
import { ago } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { setText } from "../parts/set-text.js";
import { entry, needStyles, problem } from "../parts/forms.js";
import { askToBlock } from "./block.js";
import { openBranch } from "./branch.js";
import { makeFace } from "./face.js";
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
  let one = person(state, id, knownName);
  const now = () => (one = person(app.state, id, one.name)); // or the last name that was known
  let isInRoom = isInOpenRoom(state, id);
  const trouble = problem();
  const face = makeFace("portrait");
  const name = make("h2");
  name.dir = "auto";
  const about = make("div", "about");
  const lines = make("div", "card-lines");
  const rooms = make("section");
  const write = button("primary", laterTexts.shellWrite, async () => {
    const answer = await app.direct(id);
    if (!answer.ok) {
      trouble.textContent = answer.message;
      return;
    }
    dialog.close();
    shell.open(answer.room);
  });
  const mention = button("", laterTexts.shellMention, async () => {
    dialog.close();
    await shell.open(app.state.open); // on a phone the list or a panel may be over it
    shell.talk?.mention(now());
  });
  const block = button("danger-text", "", async () => {
    if (isBlocked(app.state, id)) app.block(id, false);
    else await askToBlock(shell, { id, name: one.name });
  });
  const show = () => {
    const before = one;
    const wasInRoom = isInRoom;
    now();
    isInRoom = isInOpenRoom(app.state, id);
    // Came, went, or has another profile: when they were here, the server says only if it is asked.
    if (wasInRoom !== isInRoom || (seenText(before) && !seenText(one))) app.people([id]);
    const isOut = isBlocked(app.state, id);
    face.show(one);
    face.avatar.classList.toggle("here", Boolean(one.here) && !isOut);
    setText(name, one.name);
    setText(about, isOut ? laterTexts.shellBlockedAbout : seenText(one));
    setText(block, isOut ? laterTexts.shellUnblock : laterTexts.shellBlock);
    showLines(lines, [...rolesOf(app.state, id), ...restrictionsOf(app.state, app.state.open, id, Date.now()).map(restrictionText)]);
    showRooms(rooms, app.state, id, (room) => {
      dialog.close();
      shell.open(room);
    });
    write.hidden = isOut;
    mention.hidden = isOut || !mayMention(app.state, id);
  };
  show();
  const stop = app.subscribe(show);
  const dialog = openDialog({
    title: laterTexts.shellPerson,
    className: "small",
    content: [
      make("div", "card", face.element, name, about, lines),
      trouble,
      ...roleFields(shell, id),
      make("div", "actions", ...moderateButton(shell, id, () => one.name, () => dialog.close()), block, mention, write),
      rooms,
      make("div", "card-more", ...more(shell, id, () => one.name, () => dialog.close())),
    ],
    onClose: stop,
  });
}

const isInOpenRoom = (state, id) => Boolean(openRoom(state).here?.ids.includes(id));

/** When they were here last, as far as they and this person show it: without that the server tells nothing. */
function seenText({ here, seen }) {
  if (here) return laterTexts.shellHere;
  return seen ? laterTexts.shellLastSeen(ago(Date.parse(seen))) : "";
}

function showLines(box, lines) {
  const wanted = lines.filter(Boolean);
  if (box.textContent !== wanted.join("")) box.replaceChildren(...wanted.map((line) => make("div", "about", line)));
}

/** In a conversation of two nobody needs to be called; where one may not write there is nothing to call from. */
function mayMention(state, id) {
  const room = openRoom(state);
  return room.with !== id && !["shut", "missing"].includes(writingIn(state, room, Date.now()).kind);
}

function showRooms(section, state, id, onOpen) {
  const rooms = roomsInCommon(state, id);
  const key = rooms.map((room) => `${room.name}\n${titleOf(state, room)}`).join("\n");
  if (section.dataset.rooms === key) return; // the focus may be on one
  section.dataset.rooms = key;
  section.hidden = rooms.length === 0;
  const entries = rooms.map((room) => entry(avatarOf(state, room), titleOf(state, room), "", () => onOpen(room.name)));
  section.replaceChildren(make("h3", "", laterTexts.shellRoomsInCommon), make("ul", "entries", ...entries));
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

/** What is seldom needed (`name` and `close` are called when one is pressed): to report them, and for those who run the server, to vouch for them. */
function more(shell, id, name, close) {
  const link = (text, onPress) => button("link-button", text, () => {
    close();
    onPress();
  });
  const links = [link(modTexts.reportPerson, () => shell.report({ person: id, name: name() }))];
  if (runsServer(shell.app.state)) links.push(link(modTexts.branch, () => openBranch(shell, id, name())), link(modTexts.vouch, () => vouch(shell, id)));
  return links;
}

function moderateButton(shell, id, name, close) {
  if (!mayModerate(shell.app.state, id)) return [];
  const element = button("", "", () => {
    close();
    openModerate(shell, id, name());
  });
  element.append(icon("shield"), make("span", "", modTexts.moderate));
  return [element];
}
