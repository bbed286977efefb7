/**
 * Notice about a message that the server refused: one at a time, with the reason, and retry, edit or discard.
 */
import { laterTexts } from "../../core/later-texts.js";
import { firstFailed } from "../../core/outbox.js";

export class FailedNotice {
  #notice;
  #reason;
  #entry = null;

  /**
   * @param {HTMLElement} notice
   * @param {{onRetry(entry: object): void, onEdit(entry: object): void, onDiscard(entry: object): void}} handlers
   */
  constructor(notice, { onRetry, onEdit, onDiscard }) {
    this.#notice = notice;
    this.#reason = notice.querySelector(".failed-reason");
    const decisions = { retry: onRetry, edit: onEdit, discard: onDiscard };
    notice.addEventListener("click", (event) => {
      const decide = decisions[event.target.closest("button")?.dataset.decision];
      if (decide && this.#entry) decide(this.#entry);
    });
  }

  /** Show this state. */
  render(state) {
    const entry = firstFailed(state);
    if (entry === this.#entry) return;
    this.#entry = entry;
    this.#notice.hidden = entry === null;
    this.#reason.textContent = entry ? laterTexts.failed(entry.reason) : "";
  }
}
