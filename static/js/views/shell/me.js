/**
 * Own name and avatar: a button below the room list. Until a name was chosen, phones show a line with the generated
 * one, as the list is not in sight there.
 */
import { laterTexts } from "../../core/later-texts.js";
import { updateAvatar } from "../parts/avatar.js";

const DISMISSED_KEY = "trio-chat.name-later";

export class Me {
  #button;
  #nudge;
  #shown = null;
  #isDismissed = false;

  /** @param {HTMLButtonElement} button @param {HTMLElement} nudge @param {{onOpen(): void}} handlers */
  constructor(button, nudge, { onOpen }) {
    this.#button = button;
    this.#nudge = nudge;
    button.addEventListener("click", onOpen);
    const [choose, later] = nudge.querySelectorAll("button");
    choose.addEventListener("click", onOpen);
    later.addEventListener("click", () => this.#dismiss());
    try {
      this.#isDismissed = sessionStorage.getItem(DISMISSED_KEY) !== null;
    } catch {
      // Then it asks again.
    }
  }

  /** Show this state. */
  render({ me }) {
    if (me === this.#shown) return;
    this.#shown = me;
    this.#button.disabled = me === null;
    this.#nudge.hidden = me === null || me.hasChosenName || this.#isDismissed;
    if (me === null) return;
    updateAvatar(this.#button.querySelector(".avatar"), me);
    this.#button.classList.toggle("generated", !me.hasChosenName);
    this.#button.querySelector(".me-name").textContent = me.name;
    this.#button.querySelector(".me-hint").textContent = me.hasChosenName ? laterTexts.shellSettings : laterTexts.nameHintGenerated;
    this.#nudge.querySelector("bdi").textContent = me.name;
  }

  #dismiss() {
    this.#isDismissed = true;
    this.#nudge.hidden = true;
    try {
      sessionStorage.setItem(DISMISSED_KEY, "1");
    } catch {
      // Then it asks again.
    }
  }
}
