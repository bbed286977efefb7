/**
 * Keys in the log: for Tab it is one stop. Arrows up and down move between messages, left and right to what can be pressed in
 * one, Enter opens a message's menu, letters go to the composer.
 */
import { isRightToLeft, onKeydown } from "../parts/dom.js";

const PRESSABLE = "a[href], button, [role=button], [role=slider], code[tabindex], video";

/**
 * @param {HTMLElement} chat
 * @param {{step(from: HTMLElement|null, step: number): void, end(step: number): void, menu(message: HTMLElement): void,
 *   remove(message: HTMLElement): void, write(): void}} does
 */
export function followKeys(chat, does) {
  const rover = new Rover(chat);
  onKeydown(chat, (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const line = lineOf(chat, event.target);
    const isInside = line !== null && event.target !== line;
    const message = isInside ? null : line;
    const isPress = event.key === "Enter" || event.key === " ";
    const sideways = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "ArrowUp") rover.goBack(line) || does.step(line, -1);
    else if (event.key === "ArrowDown") rover.goBack(line) || does.step(line, 1);
    else if (event.key === "Home") does.end(-1);
    else if (event.key === "End") does.end(1);
    else if (line && sideways) {
      if (!stepInside(line, event.target, isRightToLeft(line) ? -sideways : sideways)) return;
    } else if (isInside && event.key === "Escape") line.focus();
    else if (isInside && (isPress || event.key === "Delete")) return; // what has the focus is pressed
    else if (message && isPress) does.menu(message);
    else if (message && event.key === "Delete") does.remove(message);
    else if (event.key === "Escape") does.write();
    else if (event.key.length === 1 && event.key !== " " && event.key !== "?") {
      does.write(); // and the letter goes there
      return;
    } else return;
    event.preventDefault();
  });
}

/** For Tab the whole log is one stop, whatever stands in it, and however it came there. */
class Rover {
  #chat;
  #last = null; // the line that had the focus last

  constructor(chat) {
    this.#chat = chat;
    this.#takeOut(chat);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) this.#takeOut(node);
    }).observe(chat, { childList: true, subtree: true });
    chat.addEventListener("focusin", ({ target }) => {
      this.#last = lineOf(chat, target) ?? this.#last;
      chat.tabIndex = target === chat ? 0 : -1; // or Shift+Tab would stop there once more
    });
    chat.addEventListener("focusout", ({ relatedTarget }) => {
      if (!chat.contains(relatedTarget)) chat.tabIndex = 0;
    });
  }

  /** Coming from elsewhere: to where one was, if that is in view still. @returns {boolean} */
  goBack(line) {
    if (line || !this.#last?.isConnected) return false;
    const box = this.#last.getBoundingClientRect();
    const { top, bottom } = this.#chat.getBoundingClientRect();
    if (box.bottom < top || box.top > bottom) return false;
    this.#last.focus({ preventScroll: true });
    return document.activeElement === this.#last;
  }

  #takeOut(element) {
    for (const one of [element, ...element.querySelectorAll(PRESSABLE)]) {
      if (one !== this.#chat && one.matches(PRESSABLE)) one.tabIndex = -1;
    }
  }
}

/** To the next thing that can be pressed in a line. @returns {boolean} whether there is one, or the line again */
function stepInside(line, from, step) {
  const { scrollLeft, scrollWidth, clientWidth } = from;
  const isScrolling = from.localName === "code" && (step > 0 ? scrollLeft + clientWidth < scrollWidth - 1 : scrollLeft > 0);
  if (isScrolling) return false; // the browser does
  const stops = [line, ...line.querySelectorAll(PRESSABLE)].filter((one) => one.checkVisibility?.() ?? true);
  const next = stops[stops.indexOf(from) + step];
  next?.focus();
  return Boolean(next);
}

/** The child of the log in which an element is; null: it is the log. */
function lineOf(chat, element) {
  let line = element;
  while (line !== chat && line.parentElement !== chat) line = line.parentElement;
  return line === chat ? null : line;
}
