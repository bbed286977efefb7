/**
 * List of the people who are muted in a room or removed from it, each with a button to end it.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { makeAvatar } from "../parts/avatar.js";
import { button, make } from "../parts/dom.js";
import { restrictionText } from "./moderate.js";
import { faceOf, lift } from "./moderation.js";

export class RestrictedList {
  #shell;
  #room;
  #list = make("ul", "entries");
  #facts = "";
  element = make("section", "", make("h3", "", modTexts.restricted), this.#list);

  /** @param {object} shell @param {string} room its name */
  constructor(shell, room) {
    this.#shell = shell;
    this.#room = room;
  }

  /** Show those of a room, as `info` told them. */
  render(state, restricted) {
    const held = restricted.filter(({ until }) => until > Date.now());
    this.element.hidden = held.length === 0;
    const facts = JSON.stringify(held.map((one) => [one, faceOf(state, one.person)]));
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#list.replaceChildren(...held.map((one) => this.#entry(state, one)));
  }

  #entry(state, { what, person: id, until }) {
    const face = faceOf(state, id);
    const { name } = face;
    const end = button("small-button", modTexts.end, () => lift(this.#shell, what, this.#room, id));
    end.setAttribute("aria-label", `${modTexts.end}: ${name}`);
    const about = make("span", "entry-about", restrictionText({ what, room: this.#room, until }));
    return make("li", "decision", makeAvatar(face), make("span", "entry-text", make("bdi", "entry-title", name), " ", about), end);
  }
}
