/**
 * Notice about a message that was not sent: one at a time, which it is and why, and what can be done about it.
 */
import { lineOf, waitingFiles } from "../../core/files.js";
import { laterTexts } from "../../core/later-texts.js";
import { isGone, mayTryAgain } from "../../core/failed.js";
import { firstFailed } from "../../core/outbox.js";
import { titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";

const SHOWN = 80;

const excerptOf = (entry) => lineOf({ text: entry.text.slice(0, SHOWN), files: waitingFiles(entry) }) + (entry.text.length > SHOWN ? "…" : "");

export class FailedNotice {
  #notice;
  #reason;
  #what;
  #buttons;
  #entry = null;
  #count = 0;

  /**
   * @param {HTMLElement} notice
   * @param {{onRetry(entry: object): void, onParts(entry: object): void, onAsFile(entry: object): void, onEdit(entry: object): void, onDiscard(entry: object): void}} handlers
   *   onEdit: or only copy the text, if there is nowhere to send it
   */
  constructor(notice, { onRetry, onParts, onAsFile, onEdit, onDiscard }) {
    this.#notice = notice;
    this.#reason = notice.querySelector(".failed-reason");
    this.#what = notice.querySelector(".failed-what");
    const decisions = { retry: onRetry, parts: onParts, asFile: onAsFile, edit: onEdit, discard: onDiscard };
    this.#buttons = Object.fromEntries(Object.keys(decisions).map((name) => [name, notice.querySelector(`[data-decision="${name}"]`)]));
    this.#buttons.asFile.textContent = laterTexts.failedAsFile;
    notice.addEventListener("click", (event) => {
      const decide = decisions[event.target.closest("button")?.dataset.decision];
      if (decide && this.#entry) decide(this.#entry);
    });
  }

  /** Show this state. */
  render(state) {
    const entry = firstFailed(state);
    const count = state.outbox.filter(({ status }) => status === "failed").length;
    if (entry === this.#entry && count === this.#count) return;
    this.#entry = entry;
    this.#count = count;
    this.#notice.hidden = entry === null;
    if (!entry) return;
    const room = state.rooms.get(entry.room);
    const where = entry.room === state.open ? null : room ? titleOf(state, room) : entry.room.startsWith("~") ? laterTexts.failedGone : entry.room;
    this.#reason.textContent = laterTexts.failed(entry.reason, count - 1);
    this.#what.textContent = laterTexts.failedWhat(excerptOf(entry), where);
    this.#buttons.retry.hidden = !mayTryAgain(state, entry);
    this.#buttons.parts.hidden = entry.code !== "too_long" || entry.command !== "send" || entry.files !== undefined;
    this.#buttons.asFile.hidden = entry.code !== "unusable";
    this.#buttons.edit.textContent = isGone(state, entry) ? texts.copy : texts.edit;
  }
}
