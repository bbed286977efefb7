/**
 * Asks for a name above the composer, once, while somebody who has a generated one writes their first message. It holds nothing
 * up: whoever sends without an answer is called as before, and is not asked again.
 */
import { laterTexts } from "../../core/later-texts.js";
import { iconButton, make } from "../parts/dom.js";
import { input, problem } from "../parts/forms.js";
import { keep, readKept } from "../parts/storage.js";

const ASKED_KEY = "trio-chat.name-asked";

export class NameQuestion {
  #app;
  #form;
  #input = input({ id: "name-asked", maxLength: 40, autocomplete: "nickname", spellcheck: false });
  #problem = problem();
  #isWriting = false;
  #isOver;
  #onLater;

  /** @param {import("../../app/app.js").App} app @param {HTMLFormElement} form @param {HTMLElement} composer @param {{onDone(): void}} handlers */
  constructor(app, form, composer, { onDone }) {
    this.#app = app;
    this.#form = form;
    this.#isOver = readKept("localStorage", ASKED_KEY) !== null;
    composer.addEventListener("input", () => {
      this.#isWriting = true;
      this.render(app.state);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.#save()) onDone();
    });
    this.#onLater = () => {
      this.#end();
      onDone();
    };
  }

  /** Show this state. */
  render({ me, outbox, rooms, open }) {
    if (this.#isWriting && outbox.some(({ command }) => command === "send")) this.#end(); // the first one is sent
    const isAsked = this.#isWriting && !this.#isOver && !rooms.get(open).isMissing && me !== null && !me.hasChosenName;
    if (isAsked === !this.#form.hidden) return;
    this.#form.hidden = !isAsked;
    this.#form.replaceChildren(...(isAsked ? this.#parts(me.name) : []));
  }

  #parts(name) {
    this.#input.value = name;
    const label = make("label", "", laterTexts.nameLabel);
    label.htmlFor = this.#input.id;
    const save = make("button", "name-save", laterTexts.shellSave);
    save.type = "submit";
    return [label, this.#input, save, iconButton("close", laterTexts.nameLater, this.#onLater), this.#problem];
  }

  async #save() {
    const name = this.#input.value.trim();
    const answer = name === "" ? { ok: false, message: laterTexts.nameEmpty } : await this.#app.rename(name);
    this.#problem.textContent = answer.ok ? "" : answer.message;
    this.#input.setAttribute("aria-invalid", String(!answer.ok));
    if (answer.ok) this.#end();
    else this.#input.focus();
    return answer.ok;
  }

  #end() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#form.hidden = true;
    this.#form.replaceChildren();
    keep("localStorage", ASKED_KEY, "1"); // else it asks again at the next visit
  }
}
