/**
 * Where people write: Enter or the button sends, the input is empty again at once, and the focus stays.
 */
export class Composer {
  #input;

  /** @param {HTMLFormElement} form @param {{onSend(text: string): void}} handlers */
  constructor(form, { onSend }) {
    this.#input = form.querySelector("input");
    const send = () => {
      const text = this.#input.value;
      this.#input.value = "";
      this.#input.focus({ preventScroll: true });
      if (text.trim() !== "") onSend(text);
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    this.#input.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a candidate (229: what Safari says of that Enter).
      if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      send();
    });
    // Pressing the button must not take the focus, or the on-screen keyboard would close and open again.
    form.querySelector("button").addEventListener("pointerdown", (event) => event.preventDefault());
    // With a real keyboard one can write at once; on a phone the keyboard would hide half of what one came to read.
    if (matchMedia("(pointer: fine)").matches) this.focus();
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  /** Put a text back for editing; what is being written already comes first. */
  edit(text) {
    this.#input.value = this.#input.value ? `${this.#input.value} ${text}` : text;
    this.focus();
  }
}
