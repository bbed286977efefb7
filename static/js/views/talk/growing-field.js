/**
 * The field in which one writes. `#msg` has the text while that is one line that fits; then `#editor`, in the same place
 * and with the same look, which grows with its lines. Under a finger it is `#editor` from the beginning, so that Enter
 * means the same all the time, and nothing changes below a composing keyboard.
 *
 * Programs know `#msg` only. What they write there is the text, whichever of the two has it; what people write in
 * `#editor` stands in `#msg` too, as one line, out of sight.
 */
import { texts } from "../../core/texts.js";
import { make, onKeydown } from "../parts/dom.js";
import { hasOnScreenKeyboard } from "../parts/hands.js";

const LINES = /[\r\n]/;

export class GrowingField {
  #input;
  #editor = null; // made when it is first needed; in the document while it has the text
  #does;
  #isComposing = false;
  #told = ""; // what `#msg` says of the text in `#editor`

  /**
   * @param {HTMLInputElement} input
   * @param {{onInput(): void, onKey(event: KeyboardEvent): void, onField(field: HTMLElement): void}} does `onField` is
   *   told each of the two, once
   */
  constructor(input, does) {
    this.#input = input;
    this.#does = does;
    this.#follow(input);
    input.addEventListener("pointerdown", ({ pointerType }) => pointerType === "touch" && this.#open());
    new ResizeObserver(() => this.#fit()).observe(input.parentElement);
  }

  /** The element that has the text. */
  get element() {
    return this.#isOpen ? this.#editor : this.#input;
  }

  /** The text; a program may have put another one into `#msg` without a word. */
  get value() {
    return this.#isOpen && this.#input.value === this.#told ? this.#editor.value : this.#input.value;
  }

  /** Set the text, with the caret behind it. */
  set value(text) {
    if (LINES.test(text)) this.#open();
    else if (this.#isOpen && !hasOnScreenKeyboard()) this.#close();
    this.element.value = text;
    this.#follows();
  }

  focus() {
    if (hasOnScreenKeyboard()) this.#open();
    this.element.focus({ preventScroll: true });
  }

  /** Put a text in at the caret, or instead of what is selected. */
  insert(text) {
    if (LINES.test(text)) this.#open();
    this.focus();
    const { element } = this;
    // So it can be undone. Behind a modal dialog the focus stays there, and undo with it.
    if (document.activeElement === element && document.execCommand("insertText", false, text)) return;
    element.setRangeText(text, element.selectionStart, element.selectionEnd, "end");
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }

  set disabled(isDisabled) {
    for (const field of [this.#input, this.#editor]) if (field && field.disabled !== isDisabled) field.disabled = isDisabled;
  }

  get #isOpen() {
    return this.#editor?.isConnected ?? false;
  }

  #follow(field) {
    field.addEventListener("compositionstart", () => (this.#isComposing = true));
    field.addEventListener("compositionend", () => {
      this.#isComposing = false;
      this.#fit();
    });
    field.addEventListener("input", () => {
      if (this.#isOpen && field === this.#input) this.#editor.value = field.value; // a program writes
      this.#follows();
      this.#does.onInput();
    });
    onKeydown(field, (event) => this.#does.onKey(event));
    for (const type of ["paste", "drop"]) field.addEventListener(type, (event) => this.#takeLines(event));
    this.#does.onField(field);
  }

  /** `#msg` has no lines: what is pasted or dropped with some goes into `#editor`. */
  #takeLines(event) {
    const text = (event.clipboardData ?? event.dataTransfer)?.getData("text/plain") ?? "";
    if (event.target !== this.#input || !LINES.test(text.trim())) return;
    event.preventDefault();
    this.insert(text.replace(/\r\n?/g, "\n"));
  }

  /** The text is another one. */
  #follows() {
    if (!this.#isOpen) return this.#fit();
    this.#input.value = this.#editor.value.replace(/\n/g, " ");
    this.#told = this.#input.value;
    if (CSS.supports("field-sizing", "content")) return;
    this.#editor.style.height = "auto";
    const { offsetHeight, clientHeight, scrollHeight } = this.#editor;
    this.#editor.style.height = `${scrollHeight + offsetHeight - clientHeight}px`;
  }

  /** Hand over to `#editor` if the text is wider than `#msg`; not while an input method composes in it. */
  #fit() {
    const { value, scrollWidth, clientWidth } = this.#input;
    if (!this.#isOpen && !this.#isComposing && value !== "" && scrollWidth > clientWidth) this.#open();
  }

  #open() {
    if (this.#isOpen) return;
    const { value, selectionStart, selectionEnd } = this.#input;
    const hadFocus = document.activeElement === this.#input;
    this.#editor ??= this.#makeEditor();
    this.#editor.value = "";
    this.#editor.disabled = this.#input.disabled;
    this.#editor.enterKeyHint = hasOnScreenKeyboard() ? "enter" : "send";
    this.#input.before(this.#editor);
    this.#show(false);
    if (hadFocus) this.#editor.focus({ preventScroll: true });
    // Inserted, so that it can be undone as if it had been written here.
    if (!hadFocus || !value || !document.execCommand("insertText", false, value)) this.#editor.value = value;
    if (hadFocus) this.#editor.setSelectionRange(selectionStart, selectionEnd);
    this.#follows();
  }

  #close() {
    const hadFocus = document.activeElement === this.#editor;
    this.#editor.remove();
    this.#show(true);
    if (hadFocus) this.focus();
  }

  /** Show `#msg` itself, or leave it to programs. */
  #show(isShown) {
    this.#input.tabIndex = isShown ? 0 : -1;
    if (isShown) this.#input.removeAttribute("aria-hidden");
    else this.#input.setAttribute("aria-hidden", "true");
  }

  #makeEditor() {
    const editor = make("textarea");
    Object.assign(editor, { id: "editor", dir: "auto", rows: 1, autocapitalize: "sentences", autocomplete: "off" });
    editor.setAttribute("aria-label", texts.messageLabel);
    editor.placeholder = texts.messagePlaceholder;
    this.#follow(editor);
    return editor;
  }
}
