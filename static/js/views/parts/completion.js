/**
 * Completion list above the input: mentions behind an @, commands behind a slash, emoji behind a colon. The focus stays
 * in the input; arrows choose, Enter and Tab take, Escape closes.
 *
 * @typedef {{key: string, label: string, detail?: string, picture?: Node, take(): {text: string, caret: number}}} Candidate
 */
import { laterTexts } from "../../core/later-texts.js";
import { make, onKeydown } from "./dom.js";

let count = 0;

export class Completion {
  #input;
  #candidatesFor;
  #onTaken;
  #list = make("div", "completion");
  #said = make("div", "unseen");
  #candidates = [];
  #chosen = 0;
  #dismissed = null; // the text for which nothing is wanted

  /**
   * @param {HTMLInputElement|HTMLTextAreaElement} input
   * @param {HTMLElement} parent is given the list; stands where it should appear (position: relative)
   * @param {object} handlers
   * @param {(text: string, caret: number) => Candidate[]} handlers.candidatesFor
   * @param {(candidate: Candidate) => void} [handlers.onTaken]
   */
  constructor(input, parent, { candidatesFor, onTaken = () => {} }) {
    this.#input = input;
    this.#candidatesFor = candidatesFor;
    this.#onTaken = onTaken;
    this.#list.id = `completion-${(count += 1)}`;
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-label", laterTexts.completionLabel);
    this.#list.hidden = true;
    this.#said.setAttribute("role", "status");
    parent.append(this.#list, this.#said);
    for (const type of ["input", "click", "focus"]) input.addEventListener(type, () => this.#update());
    input.addEventListener("keyup", ({ key }) => /^(Arrow(Left|Right)|Home|End)$/.test(key) && this.#update());
    input.addEventListener("blur", () => this.close());
    // Before the composer hears of the key.
    onKeydown(input, (event) => this.#onKey(event), { capture: true });
    // A press must not take the focus from the input, or the list would be gone before the click.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const index = [...this.#list.children].indexOf(event.target.closest("[role=option]"));
      if (index >= 0) this.#take(this.#candidates[index]);
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** Take the list away; it comes back when something else is written. */
  close() {
    this.#show([]);
  }

  #update() {
    const { value, selectionStart, selectionEnd } = this.#input;
    if (value !== this.#dismissed) this.#dismissed = null;
    const isWanted = this.#dismissed === null && selectionStart === selectionEnd && document.activeElement === this.#input;
    this.#show(isWanted ? this.#candidatesFor(value, selectionStart) : []);
  }

  #show(candidates) {
    const chosen = this.#candidates[this.#chosen]?.key;
    const wasOpen = this.isOpen;
    const before = this.#candidates.length;
    this.#candidates = candidates;
    this.#chosen = Math.max(0, candidates.findIndex(({ key }) => key === chosen));
    if (!candidates.length && !wasOpen) return;
    this.#list.replaceChildren(...candidates.map((each, index) => this.#option(each, index)));
    this.#list.hidden = candidates.length === 0;
    if (candidates.length !== before) this.#said.textContent = candidates.length ? laterTexts.candidates(candidates.length) : "";
    this.#describe();
  }

  #option({ label, detail, picture }, index) {
    const option = make("div", "option", ...(picture ? [picture] : []), make("bdi", "option-label", label));
    if (detail) option.append(" ", make("span", "option-detail", detail));
    option.id = `${this.#list.id}-${index}`;
    option.setAttribute("role", "option");
    return option;
  }

  /** The input is a combobox while there is a list, and a plain text field else. */
  #describe() {
    const option = this.#list.children[this.#chosen];
    [...this.#list.children].forEach((each) => each.setAttribute("aria-selected", String(each === option)));
    option?.scrollIntoView({ block: "nearest" });
    const attributes = {
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "true",
      "aria-controls": this.#list.id,
      "aria-activedescendant": option?.id,
    };
    for (const [name, value] of Object.entries(attributes)) {
      if (this.isOpen) this.#input.setAttribute(name, value);
      else this.#input.removeAttribute(name);
    }
  }

  #onKey(event) {
    if (!this.isOpen) return;
    const size = this.#candidates.length;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % size);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + size - 1) % size);
    else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) this.#take(this.#candidates[this.#chosen]);
    else if (event.key === "Escape") this.#dismiss();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #choose(index) {
    this.#chosen = index;
    this.#describe();
  }

  #dismiss() {
    this.#dismissed = this.#input.value;
    this.close();
  }

  #take(candidate) {
    const { text, caret } = candidate.take();
    this.#input.value = text;
    this.#input.setSelectionRange(caret, caret);
    this.#input.focus({ preventScroll: true });
    this.#onTaken(candidate);
    // As if it had been written: the list looks again, and so does whoever else follows the field.
    this.#input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
