/**
 * Button back to the newest messages, with the number of unread ones.
 */
import { unreadOf } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom } from "../../core/select.js";

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
  render(state) {
    const room = openRoom(state);
    const unreadCount = unreadOf(room).count;
    const isAtEnd = state.view.isAtBottom && room.detached === null;
    this.#button.hidden = isAtEnd || (room.live.events.length === 0 && room.detached === null);
    const label = unreadCount > 0 ? laterTexts.newMessages(unreadCount) : "";
    if (this.#label.textContent !== label) this.#label.textContent = label;
    this.#button.classList.toggle("has-news", unreadCount > 0);
    this.#button.setAttribute("aria-label", label || laterTexts.toLatest);
  }
}
