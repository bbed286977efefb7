/**
 * How many characters are left, from 200 on; and the offer to send a text that is too long in parts.
 */
import { laterTexts } from "../../core/later-texts.js";
import { inParts, leftIn } from "../../core/length.js";
import { make, pressable } from "../parts/dom.js";

const SHOWN_FROM = 200;
const SPOKEN = [0, 20, 100, SHOWN_FROM]; // to who hears the page, not each number

export class LengthNotice {
  #element;
  #count = make("span", "length-count");
  #spoken = make("span", "unseen");
  #parts;
  #limits;

  /** @param {HTMLElement} parent @param {{limits(): object, onParts(): void}} does limits: of the server */
  constructor(parent, { limits, onParts }) {
    this.#limits = limits;
    this.#count.setAttribute("aria-hidden", "true");
    this.#spoken.setAttribute("role", "status");
    this.#parts = pressable("length-parts", laterTexts.talkInParts, onParts);
    this.#parts.textContent = laterTexts.talkInParts;
    this.#parts.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#element = make("div", "length-notice", this.#count, this.#parts);
    this.#element.hidden = true;
    parent.append(this.#element, this.#spoken);
  }

  /** Show it for this text. @param {boolean} isMessage false: an edit, or a command, which is sent in one */
  show(text, isMessage) {
    const left = leftIn(text, this.#limits());
    this.#element.hidden = left > SHOWN_FROM;
    const step = SPOKEN.find((one) => left <= one);
    const spoken = left < 0 ? laterTexts.talkTooLong : step === undefined ? "" : laterTexts.talkLeft(step);
    if (this.#spoken.textContent !== spoken) this.#spoken.textContent = spoken;
    if (this.#element.hidden) return;
    this.#element.classList.toggle("over", left < 0);
    this.#count.textContent = left < 0 ? laterTexts.talkOver(-left) : laterTexts.talkLeft(left);
    this.#parts.hidden = left >= 0 || !isMessage;
  }

  /** The text in parts; null if they would be too many. */
  partsOf(text) {
    return inParts(text, this.#limits());
  }
}
