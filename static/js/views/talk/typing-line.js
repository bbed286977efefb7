/**
 * Typing line below the log: who is typing.
 */
import { typingIn } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom } from "../../core/select.js";
import { make } from "../parts/dom.js";

export class TypingLine {
  #text = make("bdi");
  #element;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    const dots = make("span", "typing-dots", make("i"), make("i"), make("i"));
    this.#element = make("div", "typing-line", dots, this.#text);
    this.#element.setAttribute("aria-hidden", "true"); // the head of the room tells it to those who cannot see
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show this state. */
  render(state) {
    const isOnline = state.connection.phase === "online";
    const typing = isOnline && state.view.isAtBottom ? typingIn(state, openRoom(state), Date.now()) : [];
    this.#element.hidden = typing.length === 0;
    if (typing.length === 0) return;
    const text = laterTexts.shellTyping(typing);
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}
