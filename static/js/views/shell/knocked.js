/**
 * Below the room list: the rooms that this person waits to be let into.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { icon, iconButton, make } from "../parts/dom.js";

export class Knocked {
  #shell;
  #list = make("ul", "knocked-list");
  #shown = [];

  /** @param {object} shell @param {HTMLElement} parent */
  constructor(shell, parent) {
    this.#shell = shell;
    this.#list.hidden = true;
    parent.append(this.#list);
  }

  /** Show this state. */
  render({ knocked, rooms }) {
    if (knocked === this.#shown) return;
    for (const { room, title } of this.#shown) {
      const isIn = rooms.get(room)?.isMember && !knocked.some((one) => one.room === room);
      if (isIn) this.#shell.toast(modTexts.youAreIn(title), { action: { label: laterTexts.shellOpen, onPress: () => this.#shell.open(room) } });
    }
    this.#shown = knocked;
    this.#list.hidden = knocked.length === 0;
    this.#list.replaceChildren(...knocked.map((one) => this.#entry(one)));
  }

  #entry({ room, title }) {
    const name = make("bdi", "row-title", title);
    name.dir = "auto";
    const forget = iconButton("close", modTexts.forgetKnock(title), () => this.#shell.app.moderation.forgetKnock(room));
    return make("li", "knocked-row", icon("door"), make("span", "knocked-text", name, " ", make("span", "row-line", modTexts.knockedLine)), forget);
  }
}
