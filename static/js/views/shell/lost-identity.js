/**
 * Asks who to be when the server does not know this browser's person: another server, or it was logged out.
 */

export class LostIdentity {
  #shell;
  #shown = null;
  #dialog = null;

  /** @param {object} shell */
  constructor(shell) {
    this.#shell = shell;
  }

  /** Ask when that happens; the question goes by itself when the server knows the person again. */
  render({ lost }) {
    if (lost === this.#shown) return;
    this.#shown = lost;
    this.#dialog?.close();
    if (lost) this.open();
  }

  /** Ask, or ask again. */
  async open() {
    const asked = this.#shown;
    const { openLostIdentity } = await import("../panels/panels.js");
    const dialog = await openLostIdentity(this.#shell, asked, () => this.#shown === asked);
    if (dialog) this.#dialog = dialog;
  }
}
