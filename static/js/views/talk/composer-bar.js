/**
 * Bar above the composer: which message is answered or edited, and why a text was not sent.
 */
import { lineOf } from "../../core/items.js";
import { laterTexts } from "../../core/later-texts.js";
import { colourOf } from "../../core/people.js";
import { icon, make, pressable } from "../parts/dom.js";

export class ComposerBar {
  #element = make("div", "composer-bar");
  #icon = icon("reply");
  #title = make("bdi", "bar-title");
  #line = make("span", "bar-line");
  #complaint = make("div", "complaint");

  /** @param {HTMLElement} parent @param {{onCancel(): void}} handlers */
  constructor(parent, { onCancel }) {
    const cancel = pressable("bar-close", laterTexts.shellCancel, onCancel);
    cancel.append(icon("close"));
    cancel.title = laterTexts.shellCancel;
    cancel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#line.dir = "auto";
    this.#element.append(this.#icon, make("span", "bar-text", this.#title, this.#line), cancel);
    this.#element.hidden = true;
    this.#complaint.setAttribute("role", "alert");
    parent.append(this.#complaint, this.#element);
  }

  /** @param {"reply"|"edit"} what @param {object} item of the timeline */
  show(what, item) {
    const name = item.isOwn ? laterTexts.talkYourself : item.name;
    this.#icon.dataset.icon = what;
    this.#element.dataset.colour = item.colour ?? colourOf(item.from);
    this.#title.textContent = what === "edit" ? laterTexts.talkEditing : laterTexts.talkReplyingTo(name);
    this.#line.textContent = lineOf(item.message);
    this.#element.hidden = false;
  }

  hide() {
    this.#element.hidden = true;
  }

  complain(problem) {
    this.#complaint.textContent = problem;
  }

  clearComplaint() {
    if (this.#complaint.textContent) this.#complaint.textContent = "";
  }
}
