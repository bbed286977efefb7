/**
 * Toolbar on the message under the mouse: react, reply, menu. For mice only; fingers have gestures, and keys have the
 * menu.
 */
import { laterTexts } from "../../core/later-texts.js";
import { icon, make } from "../parts/dom.js";

export class HoverTools {
  #bar = make("span", "tools");
  #message = null;
  #does;

  /**
   * @param {HTMLElement} chat
   * @param {{isFor(message: HTMLElement): boolean, onReact(message, at: Element): void, onReply(message): void,
   *   onMenu(message, at: Element): void}} does
   */
  constructor(chat, does) {
    this.#does = does;
    this.#bar.setAttribute("aria-hidden", "true");
    this.#bar.append(
      this.#tool("smile", laterTexts.talkReact, does.onReact),
      this.#tool("reply", laterTexts.talkReply, does.onReply),
      this.#tool("more", laterTexts.more, does.onMenu),
    );
    chat.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#show(event.target.closest("p.message")));
    chat.addEventListener("pointerleave", () => this.#show(null));
  }

  #tool(name, label, onPress) {
    const element = make("span", "tool", icon(name));
    element.title = label;
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      onPress(this.#message, element);
    });
    return element;
  }

  #show(message) {
    if (message === this.#message && this.#bar.isConnected) return;
    this.#message = message;
    // One of several messages that show their time once has it here.
    this.#bar.dataset.time = message?.classList.contains("timeless") ? message.querySelector("time").textContent : "";
    if (message && this.#does.isFor(message)) message.querySelector(".bubble").append(this.#bar);
    else this.#bar.remove();
  }
}
