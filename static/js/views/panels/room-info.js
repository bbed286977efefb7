/**
 * Room info: title, topic, who waits, how the room is run, members, who is restricted, pinned and starred messages,
 * notification level, and leaving. Of the server room: running the server. A panel in the side.
 */
import { albumTexts } from "../../core/album-texts.js";
import { avatarOf, pinsOf } from "../../core/around.js";
import { HOME } from "../../core/home.js";
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { isAllowed, mayRename, mayRetopic } from "../../core/permissions.js";
import { levelOf, openRoom, stars, titleOf } from "../../core/select.js";
import { SERVER, retentionOf } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { clock } from "../../core/time.js";
import { button, icon, iconButton, make } from "../parts/dom.js";
import { makeEditable } from "../parts/editable.js";
import { field, needStyles, problem, select } from "../parts/forms.js";
import { makeFace } from "./face.js";
import { MemberList } from "./member-list.js";
import { MessageList } from "./message-list.js";
import { pictureButtons } from "./picture.js";
import { RestrictedList } from "./restricted-list.js";
import { RoomPolicy } from "./room-policy.js";
import { ServerParts } from "./server-parts.js";
import { WaitingList } from "./waiting-list.js";

const HOURS_8_MS = 8 * 60 * 60 * 1000;

/** @param {object} shell @returns {Promise<{element: HTMLElement, render(state: object): void, focus(): void}>} */
export async function makeRoomInfo(shell) {
  await needStyles();
  return new RoomInfo(shell);
}

class RoomInfo {
  #shell;
  #room = null; // the name of the room that is shown
  #isMember = false;
  #shown = null;
  #body = make("div", "info-body");
  #close;
  #parts = null;

  constructor(shell) {
    this.#shell = shell;
    this.#close = iconButton("close", laterTexts.shellClose, () => shell.closeSide());
    const head = make("header", "side-head", make("h2", "", texts.shellInfo), this.#close);
    this.element = make("div", "info", head, this.#body);
  }

  focus() {
    this.#close.focus({ preventScroll: true });
  }

  render(state) {
    const before = this.#shown;
    if (before && before.rooms === state.rooms && before.people === state.people && before.mine === state.mine
      && before.open === state.open && before.outbox === state.outbox && before.day === state.day) return;
    this.#shown = state;
    const room = openRoom(state);
    if (room.name !== this.#room || room.isMember !== this.#isMember) this.#build(room);
    this.#parts.seal(state, room);
    this.#parts.level(state, room);
    const { knocking = [], restricted = [] } = room.info ?? {};
    this.#parts.server?.render(state, room);
    this.#parts.waiting?.render(state, knocking);
    this.#parts.policy?.render(state, room);
    this.#parts.members?.render(state, room);
    this.#parts.restricted?.render(state, restricted);
    this.#parts.invite?.toggleAttribute("hidden", !isAllowed(state, room, "inviting"));
    this.#parts.pins.render(state, room, pinsOf(state, room) ?? []);
    const starred = stars(state).filter((one) => one.room === room.name).map(({ seq }) => seq);
    this.#parts.stars.render(state, room, starred);
  }

  #build(room) {
    this.#isMember = room.isMember;
    const shell = this.#shell;
    this.#room = room.name;
    const seal = this.#sealPart(room);
    const level = this.#levelPart(room);
    const jump = (seq) => shell.jump(room.name, seq);
    const isShared = room.kind !== "direct" && room.name !== SERVER;
    this.#parts = {
      seal: seal.render,
      level: level.render,
      ...(isShared ? {
        waiting: new WaitingList(shell, room.name),
        policy: new RoomPolicy(shell, room.name),
        members: new MemberList(shell),
        restricted: new RestrictedList(shell, room.name),
      } : {}),
      server: room.name === SERVER ? new ServerParts(shell) : undefined,
      pins: new MessageList(shell, laterTexts.shellPins, laterTexts.shellPinsNone, jump),
      stars: new MessageList(shell, laterTexts.shellStars, laterTexts.shellStarsNone, jump),
    };
    const { server, waiting, policy, members, restricted, pins, stars: starred } = this.#parts;
    this.#body.replaceChildren(...[
      seal.element, this.#actions(room), server?.element, waiting?.element, level.element, policy?.element, members?.element,
      restricted?.element, pins.element, starred.element, this.#leavePart(room),
    ].filter(Boolean));
    shell.app.info(room.name);
  }

  #sealPart(room) {
    const { app } = this.#shell;
    const face = makeFace("huge");
    const trouble = problem();
    const picture = pictureButtons({
      className: "link-button",
      isSeal: true,
      set: (chosen) => app.files.setPicture(room.name, chosen),
      onAnswer: ({ ok, message }) => (trouble.textContent = ok ? "" : message),
    });
    const buttons = make("div", "picture-buttons", ...picture.elements);
    const kind = make("div", "about");
    const kept = make("div", "about");
    const change = (what) => (text) => app.setRoom(room.name, { [what]: text });
    const title = makeEditable({ tag: "h3", label: laterTexts.shellEditTitle, maxLength: 60, onSave: change("title") });
    const topic = makeEditable({ tag: "div", label: laterTexts.shellEditTopic, maxLength: 200, empty: laterTexts.shellTopicNone, onSave: change("topic") });
    const render = (state, now) => {
      face.show(avatarOf(state, now));
      const may = mayRename(state, now);
      buttons.hidden = !may;
      picture.show(now.picture !== null);
      title.show(titleOf(state, now), may);
      topic.show(now.topic, mayRetopic(state, now), ["direct", "server"].includes(now.kind));
      kind.textContent = laterTexts.shellRoomKinds[now.kind] ?? modTexts.serverAbout;
      const days = retentionOf(state, now);
      kept.hidden = days === 0;
      kept.textContent = days === 0 ? "" : modTexts.retentionRule(days);
    };
    return { element: make("section", "card", face.element, buttons, trouble, title.element, kind, topic.element, kept), render };
  }

  #actions(room) {
    const shell = this.#shell;
    const action = (name, label, onPress) => {
      const element = button("tile", "", onPress);
      element.append(icon(name), make("span", "", label));
      return element;
    };
    const actions = [];
    if (shell.talk?.openSearch) actions.push(action("search", laterTexts.shellSearchShort, () => shell.search()));
    if (room.name !== SERVER) actions.push(action("picture", albumTexts.albumShort, () => shell.album()));
    if (room.kind === "direct") actions.push(action("person", laterTexts.shellPerson, () => shell.person(room.with)));
    else if (room.name !== SERVER) actions.push((this.#parts.invite = action("qr", laterTexts.shellInvite, () => shell.invite(room.name))));
    return make("div", "tiles", ...actions);
  }

  #levelPart(room) {
    const { app } = this.#shell;
    const note = make("div", "about");
    const choose = (value) =>
      value === "hours"
        ? app.setLevel(room.name, "none", { until: Date.now() + HOURS_8_MS })
        : app.setLevel(room.name, value);
    const choice = select(Object.entries(laterTexts.shellLevels), null);
    choice.addEventListener("change", () => choose(choice.value));
    const render = (now) => {
      const event = levelEvent(now, room.name);
      const level = levelOf(now, room.name, Date.now());
      const isTimed = event?.until !== undefined && level === event.level;
      choice.value = isTimed ? "hours" : level;
      note.textContent = isTimed ? laterTexts.shellLevelUntil(clock(Date.parse(event.until))) : "";
    };
    return { element: make("section", "", field(laterTexts.shellLevel, choice), note), render };
  }

  #leavePart(room) {
    if (room.name === HOME || room.name === SERVER || !room.isMember) return null;
    const leave = button("row-button danger-text", "", () => this.#shell.leave(room.name));
    leave.append(icon("leave"), make("span", "", room.kind === "direct" ? laterTexts.shellLeaveDirect : laterTexts.shellLeave));
    return make("section", "", leave);
  }
}

/** What was chosen for a room, with its end. */
function levelEvent(state, name) {
  const waiting = state.outbox.findLast((entry) => entry.command === "mine" && entry.what === "level" && entry.room === name);
  if (waiting) return { level: waiting.level, until: waiting.until === null ? undefined : new Date(waiting.until).toISOString() };
  return state.mine.current.get(`level ${name}`);
}
