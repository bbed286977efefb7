/**
 * Gestures on messages: a swipe replies, a long press opens the menu; so does the right mouse button or the menu key.
 * Scrolling stays the browser's (`touch-action: pan-y` in parts.css), a mouse selects text as ever.
 */
import { Swipe } from "../../core/gestures.js";
import { isRightToLeft } from "./dom.js";

const LONG_PRESS_MS = 450; // before Android's own long press selects a word
const SLOP_PX = 10;
const IGNORED = "input, textarea, button, .code-block, .folded";

/**
 * @param {HTMLElement} list
 * @param {object} options
 * @param {string} options.selector which of its descendants are messages
 * @param {(message: HTMLElement) => void} options.onReply
 * @param {(message: HTMLElement, at: {x: number, y: number}) => void} options.onMenu
 * @returns {() => void} ends it
 */
export function followGestures(list, { selector, onReply, onMenu }) {
  const ending = new AbortController();
  const touch = new Touch(onReply, onMenu);
  const listen = (type, handle, options) => list.addEventListener(type, handle, { signal: ending.signal, ...options });
  listen("pointerdown", (event) => {
    const message = event.target.closest(selector);
    touch.forget();
    if (event.pointerType === "mouse" || !message) return;
    if (event.isPrimary) touch.begin(message, event, list);
    else touch.cancel(); // a second finger zooms
  });
  listen("pointermove", (event) => touch.move(event));
  listen("pointerup", () => touch.end());
  listen("pointercancel", () => touch.cancel());
  listen("click", (event) => touch.swallow(event), { capture: true });
  listen("contextmenu", (event) => {
    const message = event.target.closest(selector);
    if (!message || event.target.closest("a[href]") || hasSelectionIn(message)) return;
    event.preventDefault();
    if (touch.isDown) touch.hold();
    else if (!touch.isSpent) onMenu(message, placeOf(event, message));
  });
  return () => ending.abort();
}

/** Select the text of a message, for copying a part of it: what a long press does elsewhere. */
export function selectText(element) {
  element.classList.add("selectable"); // see parts.css: fingers do not select by chance
  getSelection().selectAllChildren(element);
}

class Touch {
  #onReply;
  #onMenu;
  #swipe = null;
  #message = null;
  #at = null;
  #timer = null;
  isSpent = false; // what follows of the same press (a click, a context menu) is none

  constructor(onReply, onMenu) {
    this.#onReply = onReply;
    this.#onMenu = onMenu;
  }

  get isDown() {
    return this.#message !== null;
  }

  /** A new press begins. */
  forget() {
    this.isSpent = false;
  }

  begin(message, event, list) {
    this.cancel();
    if (hasSelectionIn(message)) return;
    this.#message = message;
    this.#at = { x: event.clientX, y: event.clientY };
    this.#swipe = new Swipe({ isRtl: isRightToLeft(list), width: innerWidth });
    this.#swipe.down(event.clientX, event.clientY);
    if (event.target.closest(IGNORED)) this.#swipe.cancel();
    this.#timer = setTimeout(() => this.hold(), LONG_PRESS_MS);
  }

  move(event) {
    if (!this.#message || !event.isPrimary) return;
    const wasFarEnough = this.#swipe.isFarEnough;
    const isSwiping = this.#swipe.move(event.clientX, event.clientY);
    if (Math.hypot(event.clientX - this.#at.x, event.clientY - this.#at.y) > SLOP_PX) clearTimeout(this.#timer);
    if (!isSwiping) return;
    this.#message.classList.add("swiping");
    this.#message.classList.toggle("far-enough", this.#swipe.isFarEnough);
    this.#message.style.setProperty("--swiped", `${this.#swipe.distance}px`);
    if (this.#swipe.isFarEnough && !wasFarEnough) navigator.vibrate?.(8);
  }

  end() {
    const message = this.#message;
    if (!message) return;
    this.isSpent ||= this.#swipe.isSwiping;
    const counts = this.#swipe.up();
    this.cancel();
    if (counts) this.#onReply(message);
  }

  /** The finger has rested on the message. */
  hold() {
    const message = this.#message;
    if (!message || this.#swipe.isSwiping) return;
    const at = this.#at;
    this.cancel();
    this.isSpent = true;
    this.#onMenu(message, at);
  }

  cancel() {
    clearTimeout(this.#timer);
    if (!this.#message) return;
    this.#swipe.cancel();
    this.#message.classList.remove("swiping", "far-enough");
    this.#message.style.removeProperty("--swiped");
    this.#message = null;
  }

  /** What was a swipe or a long press must not open the link below the finger too. */
  swallow(event) {
    if (!this.isSpent || event.detail === 0) return; // 0: by the keyboard
    this.isSpent = false;
    event.preventDefault();
    event.stopPropagation();
  }
}

function hasSelectionIn(message) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(message, true);
}

/** The menu key has no place of its own. */
function placeOf(event, message) {
  if (event.pointerType || event.clientX || event.clientY) return { x: event.clientX, y: event.clientY };
  const { left, bottom } = (message.querySelector(".bubble") ?? message).getBoundingClientRect();
  return { x: left, y: bottom };
}
