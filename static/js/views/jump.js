/**
 * The way back to the end of the log, with the number of new messages that wait there.
 */
import { texts } from "../core/texts.js";

export class JumpButton {
  #button;
  #label;

  /** @param {HTMLButtonElement} button @param {{onJump(): void}} handlers */
  constructor(button, { onJump }) {
    this.#button = button;
    this.#label = button.querySelector(".jump-label");
    button.addEventListener("click", onJump);
  }

  /** Show this state. */
  render({ room, view }) {
    const { unreadCount } = room;
    this.#button.hidden = view.isAtBottom || room.messages.length === 0;
    const label = unreadCount > 0 ? texts.newMessages(unreadCount) : "";
    if (this.#label.textContent !== label) this.#label.textContent = label;
    this.#button.classList.toggle("has-news", unreadCount > 0);
    this.#button.setAttribute("aria-label", label || texts.toLatest);
  }
}
