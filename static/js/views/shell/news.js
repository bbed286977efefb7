/**
 * Unread counts in the title and on the icon; and for messages that deserve an alert a sound and a notification, loaded
 * with the first of them.
 */
import { totals } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom, titleOf } from "../../core/select.js";

export class News {
  #shown = null;
  #count = 0;

  /** @param {import("../../app/app.js").App} app @param {{onOpen(room: string, seq: number): void}} handlers */
  constructor(app, { onOpen }) {
    app.onNews(async (news) => (await import("../parts/notifications.js")).announce(app, news, onOpen));
  }

  /** Show this state. */
  render(state) {
    const before = this.#shown;
    if (before && before.rooms === state.rooms && before.mine === state.mine && before.people === state.people
      && before.open === state.open) return;
    this.#shown = state;
    const { unread } = totals(state, Date.now());
    document.title = laterTexts.shellTitle(titleOf(state, openRoom(state)), unread);
    if (unread === this.#count) return;
    this.#count = unread;
    import("../parts/notifications.js").then(({ showOnIcon }) => showOnIcon(unread), () => (this.#count = null)); // again with the next
  }
}
