/**
 * Who one is here, and the dialog for another name. Nobody has to open it.
 */
import { colourOf, initialsOf } from "../core/people.js";
import { texts } from "../core/texts.js";

export class Me {
  #button;
  #dialog;
  #input;
  #problem;
  #shown = null;

  /**
   * @param {HTMLButtonElement} button @param {HTMLDialogElement} dialog
   * @param {{onRename(name: string): Promise<string|null>, onClosed(): void}} handlers
   */
  constructor(button, dialog, { onRename, onClosed }) {
    this.#button = button;
    this.#dialog = dialog;
    this.#input = dialog.querySelector("input");
    this.#problem = dialog.querySelector(".problem");
    button.addEventListener("click", () => this.#open());
    dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", onClosed);
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const name = this.#input.value.trim();
      this.#showProblem(name === "" ? texts.nameEmpty : await onRename(name));
    });
  }

  /** Show this state. */
  render({ me }) {
    if (me === this.#shown) return;
    this.#shown = me;
    const name = me?.name ?? texts.nameUnknown;
    this.#button.disabled = me === null;
    this.#button.dataset.colour = colourOf(me?.id ?? "");
    this.#button.classList.toggle("generated", me !== null && !me.hasChosenName);
    this.#button.querySelector(".avatar").dataset.initials = me ? initialsOf(me.name) : "";
    this.#button.querySelector(".me-name").textContent = name;
    this.#button.querySelector(".me-hint").textContent =
      me && !me.hasChosenName ? texts.nameHintGenerated : texts.nameHint;
  }

  #open() {
    this.#input.value = this.#shown.name;
    this.#showProblem("");
    this.#dialog.showModal();
    this.#input.select();
  }

  #showProblem(problem) {
    if (problem === null) {
      this.#dialog.close();
      return;
    }
    this.#problem.textContent = problem;
    this.#input.setAttribute("aria-invalid", String(problem !== ""));
  }
}
