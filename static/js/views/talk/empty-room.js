/**
 * Where a room has no messages: what it is, and what comes first. In the lobby, how others get here; where there is no such
 * room, how to make it.
 */
import { avatarOf } from "../../core/around.js";
import { emptinessOf } from "../../core/emptiness.js";
import { HOME } from "../../core/home.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom, titleOf } from "../../core/select.js";
import { makeAvatar } from "../parts/avatar.js";
import { copyText } from "../parts/clipboard.js";
import { button, icon, make } from "../parts/dom.js";
import { shareAddress } from "../parts/share.js";

const GREETING = "👋";

export class EmptyRoom {
  #shell;
  #element;
  #shown = "";

  /** @param {object} shell @param {HTMLElement} element */
  constructor(shell, element) {
    this.#shell = shell;
    this.#element = element;
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    const what = emptinessOf(state, room, Date.now());
    const facts = what && JSON.stringify([what, room.name, titleOf(state, room), state.publicUrl, state.networkUrl]);
    if (facts === this.#shown) return;
    this.#shown = facts;
    this.#element.hidden = what === null;
    this.#element.dataset.kind = what?.kind ?? "";
    this.#element.classList.toggle("with-notes", Boolean(what?.hasNotes));
    this.#element.replaceChildren(...(what ? [this.#card(state, room, what)] : []));
  }

  #card(state, room, what) {
    const title = titleOf(state, room);
    const [heading, text] = laterTexts.emptyRoom[what.kind](title, what.reason);
    const art = what.kind === "direct" ? makeAvatar(avatarOf(state, room)) : make("span", "empty-art", icon(ICONS[what.kind]));
    art.setAttribute("aria-hidden", "true");
    const card = make("section", "empty-card", art, make("h2", "", heading), make("p", "", text));
    if (what.kind === "home") card.append(this.#way(state));
    const actions = this.#actions(room, what, title);
    if (actions.length > 0) card.append(make("div", "actions", ...actions));
    return card;
  }

  #actions(room, { kind, mayInvite, maySetTopic, mayGreet }, title) {
    const shell = this.#shell;
    const action = (sign, label, onPress, className = "") => {
      const element = button(className, "", onPress);
      element.append(icon(sign), make("span", "", label));
      return element;
    };
    if (kind === "missing") {
      return [
        action("plus", laterTexts.emptyMake(title), () => shell.newRoom("public", room.missingReason ? { title } : { title, address: room.name }), "primary"),
        action("search", laterTexts.shellBrowse, () => shell.directory()),
        action("back", laterTexts.emptyToLobby, () => shell.open(HOME)),
      ];
    }
    const actions = [];
    if (mayInvite) actions.push(action("qr", laterTexts.shellInvite, () => shell.invite(room.name), "primary"));
    if (maySetTopic) actions.push(action("edit", laterTexts.emptySetTopic, () => shell.setTopic(room.name)));
    if (mayGreet) actions.push(button("primary", laterTexts.emptyGreet(GREETING), () => shell.app.send(room.name, GREETING)));
    return actions;
  }

  /** How others get here. */
  #way(state) {
    const { address, isForOthers } = shareAddress(state);
    const picture = make("div", "qr-box");
    import("../parts/qr.js").then(({ qrCode }) => picture.replaceChildren(qrCode(address)));
    const copy = button("empty-address", "", async () => {
      if (await copyText(address)) this.#shell.toast(laterTexts.shellCopied);
    });
    copy.append(make("span", "", address), icon("copy"));
    copy.setAttribute("aria-label", laterTexts.emptyCopyAddress(address));
    const parts = [make("p", "", laterTexts.emptyWay), copy, picture];
    return make("div", "empty-way", ...(isForOthers ? parts : [make("p", "warning", laterTexts.shareHereOnly), copy]));
  }
}

const ICONS = { missing: "search", home: "people", public: "room", private: "lock" };
