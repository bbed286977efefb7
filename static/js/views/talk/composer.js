/**
 * The composer: Enter or the button sends, the field is empty again at once, and the focus stays. `#msg` is one line;
 * Shift+Enter, a text of several lines or the button beside it open an editor of several lines in its place.
 */
import { emojiTexts } from "../../core/emoji-texts.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom } from "../../core/select.js";
import { writingIn } from "../../core/permissions.js";
import { texts } from "../../core/texts.js";
import { iconButton, make } from "../parts/dom.js";
import { ComposerBar } from "./composer-bar.js";

const LINES = /[\r\n]/;

/** Whether Enter is for sending: on a phone's keyboard it is the only way to a new line. */
const hasKeyboard = () => matchMedia("(pointer: fine)").matches;

export class Composer {
  #app;
  #does;
  #input;
  #editor = null;
  #send;
  #expand;
  #bar;
  #inner;
  #room = null;
  #draft = "";
  #replies = new Map(); // room -> the message that is answered
  #editing = null; // {seq, text} the message that is changed

  /**
   * @param {import("../../app/app.js").App} app
   * @param {{composer: HTMLFormElement, input: HTMLInputElement, send: HTMLButtonElement, tools: HTMLElement, bottom: HTMLElement}} elements
   * @param {object} does
   * @param {(text: string, extras: {replyTo: number|null, editing: number|null}) => string|null} does.onSend tells what is wrong, or null
   * @param {() => void} does.onEditLast
   * @param {(at: Element) => void} does.onEmoji
   * @param {(field: HTMLElement, parent: HTMLElement) => void} does.onField a field to write in was made
   */
  constructor(app, { composer: form, input, send, tools, bottom }, does) {
    this.#app = app;
    this.#does = does;
    this.#input = input;
    this.#send = send;
    this.#inner = input.parentElement;
    this.#bar = new ComposerBar(bottom, { onCancel: () => this.cancel() });
    const emoji = iconButton("smile", emojiTexts.emojiTitle, () => does.onEmoji(emoji), "icon-button emoji-button");
    this.#expand = iconButton("expand", laterTexts.talkExpand, () => (this.#editor ? this.#collapse() : this.#open()), "icon-button expand-button");
    this.#expand.setAttribute("aria-expanded", "false");
    tools.append(emoji, this.#expand);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    // Pressing a button must not take the focus, or the on-screen keyboard would close and open again.
    for (const element of [send, this.#expand]) element.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#follow(input);
    does.onField(input, this.#inner);
    // With a real keyboard one can write at once; on a phone the keyboard would hide half of what one came to read.
    if (hasKeyboard() && document.activeElement === document.body) this.focus();
  }

  get field() {
    return this.#editor ?? this.#input;
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  /** Answer a message. */
  reply(item) {
    if (this.#editing) this.cancel();
    this.#replies.set(this.#room, item);
    this.#bar.show("reply", item);
    this.focus();
  }

  /** Edit a message; the draft comes back afterwards. */
  edit(item, text = item.text) {
    this.#editing = { seq: item.seq, item };
    this.#bar.show("edit", item);
    this.#write(text);
    this.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  /** Cancel the answer or the edit. @returns {boolean} whether there was one */
  cancel() {
    const wasEditing = this.#editing !== null;
    const did = wasEditing || this.#replies.delete(this.#room);
    this.#editing = null;
    if (wasEditing) this.#write(this.#draft);
    this.#showBar();
    return did;
  }

  /** Put a refused text back behind the draft. */
  putBack(text) {
    const { value } = this.field;
    this.#write(value ? `${value} ${text}` : text);
    this.#changed();
    this.focus();
  }

  /** Put something in at the caret. */
  insert(text) {
    const { field } = this;
    field.focus({ preventScroll: true });
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Show this state. */
  render(state) {
    const draft = state.drafts.get(state.open) ?? "";
    if (state.open !== this.#room) {
      const typed = this.#room === null ? this.#input.value : ""; // before this was here, and perhaps still being composed
      this.#room = state.open;
      this.#editing = null;
      this.#draft = draft;
      if (typed && !draft) this.#changed();
      else this.#write(typed ? `${draft} ${typed}` : draft);
      this.#showBar();
    } else if (draft !== this.#draft) {
      const isUntouched = this.#editing === null && this.field.value === this.#draft; // another tab writes
      this.#draft = draft;
      if (isUntouched) this.#write(draft);
    }
    const isShut = writingIn(state, openRoom(state), Date.now()).kind === "shut";
    if (this.#input.disabled !== isShut) this.#input.disabled = isShut;
  }

  #showBar() {
    const item = this.#replies.get(this.#room);
    if (this.#editing) this.#bar.show("edit", this.#editing.item);
    else if (item) this.#bar.show("reply", item);
    else this.#bar.hide();
  }

  #submit() {
    const text = this.field.value;
    const editing = this.#editing?.seq ?? null;
    const replyTo = editing === null ? (this.#replies.get(this.#room)?.seq ?? null) : null;
    if (text.trim() === "" && editing === null) {
      this.#write("");
      this.focus();
      return;
    }
    const problem = this.#does.onSend(text, { replyTo, editing });
    if (problem !== null) {
      this.#bar.complain(problem);
      this.focus();
      return;
    }
    if (editing === null) {
      this.#replies.delete(this.#room);
      this.#draft = "";
      this.#app.setDraft(this.#room, "");
    }
    this.#editing = null;
    this.#write(this.#draft);
    this.#showBar();
    this.focus();
  }

  /** Set the text: in the field, or in the editor if it has several lines. */
  #write(text) {
    if (LINES.test(text)) this.#open();
    else if (this.#editor && (text === "" || !LINES.test(this.#editor.value))) this.#close();
    this.field.value = text;
    this.#look();
  }

  #changed() {
    const { value } = this.field;
    this.#bar.clearComplaint();
    this.#look();
    if (this.#editing) return;
    this.#draft = value;
    this.#app.setDraft(this.#room, value);
    if (value.trim() !== "" && !value.startsWith("/")) this.#app.typing(this.#room);
  }

  #look() {
    this.#inner.classList.toggle("filled", this.field.value !== "");
  }

  #follow(field) {
    field.addEventListener("input", () => this.#changed());
    field.addEventListener("keydown", (event) => this.#onKey(event));
    field.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (field !== this.#input || !LINES.test(text.trim())) return;
      event.preventDefault();
      this.#open();
      this.insert(text.replace(/\r\n?/g, "\n"));
    });
  }

  #onKey(event) {
    // While an input method composes, Enter chooses a candidate (229: what Safari says of that Enter).
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    const isEditor = event.target === this.#editor;
    if (event.key === "Enter" && event.shiftKey && !isEditor) {
      this.#open();
      this.insert("\n");
    } else if (event.key === "Enter" && !event.shiftKey && (!isEditor || hasKeyboard() || event.ctrlKey || event.metaKey)) {
      this.#submit();
    } else if (event.key === "ArrowUp" && !event.altKey && this.field.value === "" && this.#editing === null) {
      this.#does.onEditLast();
    } else if (event.key === "Escape") {
      if (!this.cancel()) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Open the editor with the text of the field. */
  #open() {
    if (this.#editor) return;
    const { value, selectionStart, selectionEnd } = this.#input;
    const hadFocus = document.activeElement === this.#input;
    this.#editor = make("textarea");
    Object.assign(this.#editor, { id: "editor", dir: "auto", rows: 2, value });
    this.#editor.setAttribute("aria-label", texts.messageLabel);
    this.#editor.placeholder = texts.messagePlaceholder;
    this.#editor.setAttribute("enterkeyhint", hasKeyboard() ? "send" : "enter");
    this.#input.value = "";
    this.#input.hidden = true;
    this.#input.before(this.#editor);
    this.#follow(this.#editor);
    this.#does.onField(this.#editor, this.#inner);
    this.#showExpanded(true);
    if (!hadFocus) return;
    this.focus();
    this.#editor.setSelectionRange(selectionStart, selectionEnd);
  }

  /** Back to one line: lines become spaces. */
  #collapse() {
    const text = this.#editor.value.replace(/\s*[\r\n]+\s*/g, " ");
    this.#close();
    this.#input.value = text;
    this.#changed();
    this.focus();
  }

  #close() {
    const hadFocus = document.activeElement === this.#editor;
    this.#editor.remove();
    this.#editor = null;
    this.#input.hidden = false;
    this.#showExpanded(false);
    if (hadFocus) this.focus();
  }

  #showExpanded(isExpanded) {
    this.#inner.classList.toggle("expanded", isExpanded);
    this.#expand.setAttribute("aria-expanded", String(isExpanded));
    const label = isExpanded ? laterTexts.talkCollapse : laterTexts.talkExpand;
    this.#expand.setAttribute("aria-label", label);
    this.#expand.title = label;
  }
}
