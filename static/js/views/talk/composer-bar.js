/**
 * Bar above the composer: which message is answered or edited, and why a text was not sent.
 */
import { laterTexts } from "../../core/later-texts.js";
import { colourOf } from "../../core/people.js";
import { person } from "../../core/select.js";
import { icon, make, pressable } from "../parts/dom.js";
import { setText } from "../parts/set-text.js";
import { fillThumb } from "./files-place.js";

export class ComposerBar {
  #element = make("div", "composer-bar");
  #icon = icon("reply");
  #title = make("bdi", "bar-title");
  #line = make("span", "bar-line");
  #text = make("span", "bar-text", this.#title, this.#line);
  #complaint = make("div", "complaint");
  #app;

  /** @param {HTMLElement} parent @param {{app: import("../../app/app.js").App, onCancel(): void}} handlers */
  constructor(parent, { app, onCancel }) {
    this.#app = app;
    const cancel = pressable("bar-close", laterTexts.shellCancel, onCancel);
    cancel.append(icon("close"));
    cancel.title = laterTexts.shellCancel;
    cancel.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#line.dir = "auto";
    this.#element.append(this.#icon, this.#text, cancel);
    this.#element.hidden = true;
    this.#complaint.setAttribute("role", "alert");
    parent.append(this.#complaint, this.#element);
  }

  /** @param {"reply"|"edit"} what @param {object} copy of the message, see core/copies.js @param {object} state */
  show(what, { message, who, line, thumb }, state) {
    const isOwn = message?.from === state.me?.id;
    const title = what === "edit" ? laterTexts.talkEditing : laterTexts.talkReplyingTo(isOwn ? laterTexts.talkYourself : who);
    this.#icon.dataset.icon = what;
    this.#element.dataset.colour = message ? (person(state, message.from).colour ?? colourOf(message.from)) : "";
    setText(this.#title, title);
    setText(this.#line, line);
    fillThumb(this.#text, thumb, this.#app);
    this.#element.hidden = false;
  }

  hide() {
    if (this.#element.hidden) return;
    this.#element.hidden = true;
    this.#title.textContent = this.#line.textContent = "";
    fillThumb(this.#text, "", this.#app);
  }

  complain(problem) {
    this.#complaint.textContent = problem;
  }

  clearComplaint() {
    if (this.#complaint.textContent) this.#complaint.textContent = "";
  }
}
