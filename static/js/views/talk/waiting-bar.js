/**
 * Bar above the log, for moderators: how many people wait to be let into the room.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { waitingIn } from "../../core/permissions.js";
import { openRoom, person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { icon, make, pressable } from "../parts/dom.js";

export class WaitingBar {
  #text = make("bdi");
  #element;

  /** @param {HTMLElement} parent @param {{onShow(): void}} handlers */
  constructor(parent, { onShow }) {
    this.#element = pressable("waiting-bar", "", onShow);
    this.#element.removeAttribute("aria-label");
    this.#element.append(icon("door"), this.#text, icon("down"));
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show this state. */
  render(state) {
    const waiting = waitingIn(state, openRoom(state));
    this.#element.hidden = waiting.length === 0;
    if (waiting.length === 0) return;
    const [first] = waiting;
    const text = waiting.length === 1 ? modTexts.waits(person(state, first).name || texts.somebody) : modTexts.wait(waiting.length);
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}
