/**
 * Dialog to mute a person, to remove them from the room, or both for the whole server; with what holds already, to end it.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { openRoom, titleOf } from "../../core/select.js";
import { mayBan, mayMute } from "../../core/permissions.js";
import { SERVER } from "../../core/standing.js";
import { until } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { field, input, needStyles, problem, radios } from "../parts/forms.js";
import { lift, nameOf, restrict, restrictionsOf } from "./moderation.js";

const MUTES = [600, 3600, 86400, 0];
const BANS = [3600, 86400, 604800, 0];
const REASON_LENGTH = 200;

/** Whether there is anything that this person may do to somebody, from the open room. */
export const mayModerate = (state, id) => scopesOf(state, id).length > 0;

/** The rooms in which they may: the open one, and the server room for everywhere. */
function scopesOf(state, id) {
  const rooms = [openRoom(state), state.rooms.get(SERVER)].filter((room) => room && mayMute(state, room, id));
  return [...new Set(rooms)];
}

/** @param {object} shell @param {string} id @param {string} [knownName] */
export async function openModerate(shell, id, knownName = "") {
  const { app } = shell;
  await Promise.all([needStyles(), ...scopesOf(app.state, id).map(({ name }) => app.info(name))]); // as it is now
  const scopes = scopesOf(app.state, id);
  if (scopes.length === 0) return;
  const name = nameOf(app.state, id, knownName);
  const reason = input({ maxLength: REASON_LENGTH });
  const trouble = problem();
  const choices = make("div", "choices");
  const act = async (what, room, seconds) => {
    const answer = await restrict(shell, what, room.name, id, { seconds, reason: reason.value.trim() });
    if (answer.ok) dialog.close();
    else trouble.textContent = answer.message;
  };
  const row = (what, room, title, sign, options) => {
    const buttons = options.map((seconds) => button("choice", modTexts.choices[seconds], () => act(what, room, seconds)));
    const group = make("div", "choice-group", make("div", "choice-title", icon(sign), make("span", "", title)), make("div", "choice-row", ...buttons));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    return group;
  };
  const reasonField = field(modTexts.reason, reason, { isOptional: true, help: modTexts.reasonHelp });
  const show = (room) => {
    const isServer = room.name === SERVER;
    reasonField.querySelector(".about").textContent = isServer ? modTexts.reasonHelpServer : modTexts.reasonHelp;
    const rows = [row("mute", room, isServer ? modTexts.muteServer : modTexts.muteRoom, "mute", MUTES)];
    if (isServer) rows.push(row("ban", room, modTexts.banServer, "ban", BANS));
    else if (mayBan(app.state, room, id)) rows.push(row("ban", room, modTexts.banRoom, "leave", BANS));
    choices.replaceChildren(...rows);
  };
  const content = [...held(shell, id, () => dialog.close())];
  if (scopes.length > 1) {
    const options = scopes.map((room) => [room.name, room.name === SERVER ? modTexts.scopeServer : modTexts.scopeRoom(titleOf(app.state, room))]);
    content.push(radios(modTexts.scope, options, scopes[0].name, (chosen) => show(scopes.find((room) => room.name === chosen)), "radios wide"));
  }
  show(scopes[0]);
  content.push(choices, reasonField, trouble);
  const dialog = openDialog({ title: modTexts.title(name), className: "small moderate", content });
}

/** What holds already, each with a button to end it. */
function held(shell, id, close) {
  const { state } = shell.app;
  return restrictionsOf(state, state.open, id, Date.now()).map((one) => {
    const end = button("", modTexts.end, () => {
      close();
      lift(shell, one.what, one.room, id);
    });
    return make("div", "held", make("span", "", restrictionText(one)), end);
  });
}

/** Muted until 15:00; banned from this server; … */
export function restrictionText({ what, room, until: ends }) {
  const time = ends === Infinity ? "" : until(ends);
  if (what === "mute") return room === SERVER ? modTexts.isMutedServer(time) : modTexts.isMuted(time);
  return room === SERVER ? modTexts.isBanned(time) : modTexts.isRemoved(time);
}
