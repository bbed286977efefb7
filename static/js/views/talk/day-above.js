/**
 * The day of what stands at the top of the log, floating over it while one scrolls. Decoration: the days stand in the
 * log themselves, where a screen reader finds them. (A sticky day would be in the way of `WindowList`, which measures
 * where its children stand.)
 */
import { dayLabel } from "../../core/time.js";
import { make } from "../parts/dom.js";

const SHOWN_MS = 1_000; // after the last scroll

export class DayAbove {
  #log;
  #chat;
  #text = make("span");
  #element = make("div", "day-above", this.#text);
  #open = null;
  #frame = 0;
  #timer = 0;

  /** @param {import("./log.js").ChatLog} log @param {HTMLElement} chat */
  constructor(log, chat) {
    this.#log = log;
    this.#chat = chat;
    this.#text.dir = "auto";
    this.#element.setAttribute("aria-hidden", "true");
    chat.parentElement.append(this.#element);
    chat.addEventListener("scroll", () => (this.#frame ||= requestAnimationFrame(() => this.#follow())), { passive: true });
  }

  /** Show this state: in another room nobody has scrolled yet. */
  render(state) {
    if (state.open !== this.#open) this.#show("");
    this.#open = state.open;
  }

  #follow() {
    this.#frame = 0;
    // At the end the log moves by itself, with every message.
    this.#show(this.#log.isAtBottom ? "" : this.#dayAtTop());
  }

  #show(label) {
    clearTimeout(this.#timer);
    if (label && this.#text.textContent !== label) this.#text.textContent = label; // what fades out keeps its text
    this.#element.classList.toggle("shown", label !== "");
    if (label) this.#timer = setTimeout(() => this.#show(""), SHOWN_MS);
  }

  /** The label of the day at the top; "" where the day itself stands there, or nothing. */
  #dayAtTop() {
    const { bottom } = this.#text.getBoundingClientRect();
    const first = this.#firstBelow(this.#chat.getBoundingClientRect().top);
    for (let next = first; next && next.getBoundingClientRect().top < bottom; next = next.nextElementSibling) {
      if (next.matches(".day")) return "";
    }
    for (let above = first; above; above = above.previousElementSibling) {
      const item = this.#log.itemOf(above);
      if (item?.atMs !== undefined) return dayLabel(item.atMs, Date.now());
      if (above.matches(".day")) return above.textContent;
    }
    return "";
  }

  /** The first child that ends below this height. They stand one below the other, so it is found by halving. */
  #firstBelow(top) {
    const { children } = this.#chat;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    return children[low] ?? null;
  }
}
