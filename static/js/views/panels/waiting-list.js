/**
 * List of the people who wait to be let into a room, with the choice to let them in or send them away.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { makeAvatar } from "../parts/avatar.js";
import { button, make } from "../parts/dom.js";
import { admit, faceOf } from "./moderation.js";

export class WaitingList {
  #shell;
  #room;
  #list = make("ul", "entries");
  #facts = "";
  element = make("section", "", make("h3", "", modTexts.waiting), this.#list);

  /** @param {object} shell @param {string} room its name */
  constructor(shell, room) {
    this.#shell = shell;
    this.#room = room;
  }

  /** Show these people. @param {string[]} ids */
  render(state, ids) {
    this.element.hidden = ids.length === 0;
    const facts = JSON.stringify(ids.map((id) => faceOf(state, id)));
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#list.replaceChildren(...ids.map((id) => this.#entry(state, id)));
  }

  #entry(state, id) {
    const face = faceOf(state, id);
    const { name } = face;
    const label = make("bdi", "entry-title", name);
    const choice = (text, className, on) => {
      const element = button(className, text, () => admit(this.#shell, this.#room, id, on));
      element.setAttribute("aria-label", `${text}: ${name}`);
      return element;
    };
    return make("li", "decision", makeAvatar(face), make("span", "entry-text", label),
      make("span", "decision-buttons", choice(modTexts.sendAway, "small-button", false), choice(modTexts.letInButton, "small-button primary", true)));
  }
}
