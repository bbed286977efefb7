/**
 * Own name and avatar: a button below the room list.
 */
import { laterTexts } from "../../core/later-texts.js";
import { updateAvatar } from "../parts/avatar.js";

export class Me {
  #button;
  #shown = null;

  /** @param {HTMLButtonElement} button @param {{onOpen(): void}} handlers */
  constructor(button, { onOpen }) {
    this.#button = button;
    button.addEventListener("click", onOpen);
  }

  /** Show this state. */
  render({ me }) {
    if (me === this.#shown) return;
    this.#shown = me;
    this.#button.disabled = me === null;
    if (me === null) return;
    updateAvatar(this.#button.querySelector(".avatar"), me);
    this.#button.classList.toggle("generated", !me.hasChosenName);
    this.#button.querySelector(".me-name").textContent = me.name;
    this.#button.querySelector(".me-hint").textContent = me.hasChosenName ? laterTexts.shellSettings : laterTexts.nameHintGenerated;
  }
}
