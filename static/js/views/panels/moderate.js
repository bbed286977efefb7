/**
 * Dialog to mute a person, to remove them from the room, or both for the whole server; with what holds already, to end it.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { openRoom, titleOf } from "../../core/select.js";
import { mayBan, mayMute } from "../../core/permissions.js";
import { ADMINISTERS, SERVER, rankIn } from "../../core/standing.js";
import { until } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { field, input, needStyles, problem, radios, toggle } from "../parts/forms.js";
import { lift, nameOf, restrict, restrictionsOf, wipe } from "./moderation.js";

const MUTES = [600, 3600, 86400, 0];
const BANS = [3600, 86400, 604800, 0];
const WIPES = [3600, 86400, 0];
const REASON_LENGTH = 200;

/** Whether there is anything that this person may do to somebody, from the open room. */
export const mayModerate = (state, id) => scopesOf(state, id).length > 0;

/** The rooms in which they may: the open one, and the server room for everywhere. */
function scopesOf(state, id) {
  const rooms = [openRoom(state), state.rooms.get(SERVER)].filter((room) => room && mayMute(state, room, id));
  return [...new Set(rooms)];
}

/** @param {object} shell @param {string} id @param {string} [knownName] @param {{scope?: string}} [options] scope: the room that is chosen first */
export async function openModerate(shell, id, knownName = "", { scope = null } = {}) {
  const { app } = shell;
  await Promise.all([needStyles(), ...scopesOf(app.state, id).map(({ name }) => app.info(name))]); // as it is now
  const scopes = scopesOf(app.state, id);
  if (scopes.length === 0) return;
  const first = scopes.find((room) => room.name === scope) ?? scopes[0];
  const name = nameOf(app.state, id, knownName);
  let addresses = false;
  const reason = input({ maxLength: REASON_LENGTH });
  const trouble = problem();
  const choices = make("div", "choices");
  const act = async (what, room, seconds) => {
    const answer = await restrict(shell, what, room.name, id, { seconds, reason: reason.value.trim(), addresses: what === "ban" && room.name === SERVER && addresses });
    if (answer.ok) dialog.close();
    else trouble.textContent = answer.message;
  };
  const row = (title, sign, options, labels, onChoose) => {
    const buttons = options.map((seconds) => button("choice", labels[seconds], () => onChoose(seconds)));
    const group = make("div", "choice-group", make("div", "choice-title", icon(sign), make("span", "", title)), make("div", "choice-row", ...buttons));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    return group;
  };
  const reasonField = field(modTexts.reason, reason, { isOptional: true, help: modTexts.reasonHelp });
  /** Admins can ban the addresses that somebody came from, too. */
  const addressChoice = () =>
    (rankIn(app.state, app.state.rooms.get(SERVER), app.state.me?.id) < ADMINISTERS ? [] : [toggle(modTexts.banAddresses, addresses, (on) => (addresses = on))]);
  const show = (room) => {
    const isServer = room.name === SERVER;
    reasonField.querySelector(".about").textContent = isServer ? modTexts.reasonHelpServer : modTexts.reasonHelp;
    const restricting = (what, title, sign, options) => row(title, sign, options, modTexts.choices, (seconds) => act(what, room, seconds));
    const rows = [restricting("mute", isServer ? modTexts.muteServer : modTexts.muteRoom, "mute", MUTES)];
    if (isServer) rows.push(restricting("ban", modTexts.banServer, "ban", BANS), ...addressChoice());
    else if (mayBan(app.state, room, id)) rows.push(restricting("ban", modTexts.banRoom, "leave", BANS));
    rows.push(row(isServer ? modTexts.wipeServer : modTexts.wipeRoom, "trash", WIPES, modTexts.wipeChoices, (seconds) => {
      dialog.close();
      wipe(shell, room.name, id, seconds);
    }));
    choices.replaceChildren(...rows);
  };
  const content = [...held(shell, id, () => dialog.close())];
  if (scopes.length > 1) {
    const options = scopes.map((room) => [room.name, room.name === SERVER ? modTexts.scopeServer : modTexts.scopeRoom(titleOf(app.state, room))]);
    content.push(radios(modTexts.scope, options, first.name, (chosen) => show(scopes.find((room) => room.name === chosen)), "radios wide"));
  }
  show(first);
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
