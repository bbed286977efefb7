/**
 * Toasts: short notices above the composer, which go by themselves; some with a button to undo or retry.
 */
import { laterTexts } from "../../core/later-texts.js";
import { button, iconButton, make } from "./dom.js";

const LASTS_MS = 5_000;
const LASTS_WITH_ACTION_MS = 10_000; // to be read, and reached with a keyboard
const MOST = 3;

export class Toasts {
  #region = make("div", "toasts");

  /** @param {HTMLElement} [parent] is given a live region, which must be there before it says something */
  constructor(parent = document.body) {
    this.#region.setAttribute("role", "status");
    parent.append(this.#region);
  }

  /**
   * @param {string} text
   * @param {{action?: {label: string, onPress(): void}, isBad?: boolean}} [options]
   * @returns {() => void} takes it away
   */
  show(text, { action = null, isBad = false } = {}) {
    for (const other of this.#region.children) if (other.firstChild.textContent === text) other.remove(); // said again
    const toast = make("div", isBad ? "toast bad" : "toast", make("span", "", text));
    let timer = null;
    const remove = () => {
      clearTimeout(timer);
      toast.remove();
    };
    const start = () => {
      clearTimeout(timer);
      timer = setTimeout(remove, action ? LASTS_WITH_ACTION_MS : LASTS_MS);
    };
    if (action) {
      toast.append(button("toast-action", action.label, () => {
        remove();
        action.onPress();
      }));
    }
    toast.append(iconButton("close", laterTexts.close, remove));
    for (const event of ["pointerenter", "focusin"]) toast.addEventListener(event, () => clearTimeout(timer));
    for (const event of ["pointerleave", "focusout"]) toast.addEventListener(event, () => toast.isConnected && start());
    this.#region.append(toast);
    while (this.#region.children.length > MOST) this.#region.firstChild.remove();
    start();
    return remove;
  }
}
