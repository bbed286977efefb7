/**
 * The composer: Enter or the button sends, the field is empty again at once, and the focus stays. Shift+Enter, and Enter
 * of an on-screen keyboard, begin a new line.
 */
import { emojiTexts } from "../../core/emoji-texts.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom } from "../../core/select.js";
import { writingIn } from "../../core/permissions.js";
import { iconButton } from "../parts/dom.js";
import { hasOnScreenKeyboard, isTouchScreen } from "../parts/hands.js";
import { ComposerBar } from "./composer-bar.js";
import { GrowingField } from "./growing-field.js";

export class Composer {
  #app;
  #does;
  #input;
  #field;
  #bar;
  #inner;
  #room = null;
  #draft = "";
  #replies = new Map(); // room -> the number of the message that is answered
  #editing = null; // {seq, text} the message that is changed, and its text

  /**
   * @param {import("../../app/app.js").App} app
   * @param {{composer: HTMLFormElement, input: HTMLInputElement, send: HTMLButtonElement, tools: HTMLElement, bottom: HTMLElement}} elements
   * @param {object} does
   * @param {(text: string, extras: {replyTo: number|null, editing: number|null, parts: string[]|null}) => string|null} does.onSend tells what is wrong, or null
   * @param {() => boolean} does.hasFiles whether files go along with the text
   * @param {() => void} does.onEditLast
   * @param {(at: Element) => void} does.onEmoji
   * @param {(text: string, isMessage: boolean) => void} does.onText this stands in the field now
   * @param {(field: HTMLElement, parent: HTMLElement) => void} does.onField a field to write in was made
   */
  constructor(app, { composer: form, input, send, tools, bottom }, does) {
    this.#app = app;
    this.#does = does;
    this.#input = input;
    this.#inner = input.parentElement;
    this.#bar = new ComposerBar(bottom, { app, onCancel: () => this.cancel() });
    const emoji = iconButton("smile", emojiTexts.emojiTitle, () => does.onEmoji(emoji), "icon-button emoji-button");
    tools.append(emoji);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    // Pressing a button must not take the focus, or the on-screen keyboard would close and open again.
    send.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#field = new GrowingField(input, {
      onInput: () => this.#changed(),
      onKey: (event) => this.#onKey(event),
      onField: (field) => does.onField(field, this.#inner),
    });
    // With a real keyboard one can write at once; on a phone the keyboard would hide half of what one came to read.
    if (!isTouchScreen() && document.activeElement === document.body) this.focus();
  }

  /** What is being written. */
  get text() {
    return this.#field.value;
  }

  /** The element in which one writes now. */
  get field() {
    return this.#field.element;
  }

  focus() {
    this.#field.focus();
  }

  /** Whether a message is edited. */
  get isEditing() {
    return this.#editing !== null;
  }

  /** What goes along with the text has changed. */
  look() {
    this.#inner.classList.toggle("filled", this.#field.value !== "" || this.#does.hasFiles());
    this.#inner.classList.toggle("editing", this.#editing !== null);
  }

  /** Answer a message. */
  reply(item) {
    if (this.#editing) this.cancel();
    this.#replies.set(this.#room, item.seq);
    this.#showBar();
    this.focus();
  }

  /** Edit a message; the draft comes back afterwards. */
  edit(item, text = item.text) {
    this.#editing = { seq: item.seq, text: item.text };
    this.#showBar();
    this.#write(text);
    this.focus();
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
    const { value } = this.#field;
    this.#write(value ? `${value} ${text}` : text);
    this.#changed();
    this.focus();
  }

  /** Put something in at the caret. */
  insert(text) {
    this.#field.insert(text);
  }

  /** Put a word in at the caret, with space around it. */
  insertWord(word) {
    const { selectionStart } = this.field;
    const isAfterText = /\S$/.test(this.#field.value.slice(0, selectionStart));
    this.insert(`${isAfterText ? " " : ""}${word} `);
  }

  /** Show this state. */
  render(state) {
    const draft = state.drafts.get(state.open) ?? "";
    if (state.open !== this.#room) {
      const typed = this.#room === null ? this.#field.value : ""; // before this was here, and perhaps still being composed
      this.#room = state.open;
      this.#editing = null;
      this.#draft = draft;
      if (typed && !draft) this.#changed();
      else this.#write(typed ? `${draft} ${typed}` : draft);
      this.#showBar();
    } else if (draft !== this.#draft) {
      const isUntouched = this.#editing === null && this.#field.value === this.#draft; // another tab writes
      this.#draft = draft;
      if (isUntouched) this.#write(draft);
    }
    this.#showBar();
    this.#field.disabled = ["shut", "missing"].includes(writingIn(state, openRoom(state), Date.now()).kind);
  }

  /** Whether there is nothing to be sent: then one can speak. */
  get mayRecord() {
    return this.#field.value === "" && this.#editing === null && !this.#does.hasFiles();
  }

  /** The message that is answered, by something else than a text: the answer is not offered any more. @returns {number|null} */
  takeReply() {
    const replyTo = this.#replies.get(this.#room) ?? null;
    this.cancel();
    return replyTo;
  }

  /** Say above the field what is wrong. */
  complain(problem) {
    this.#bar.complain(problem);
  }

  /** What is answered or edited, as it stands now; when it is gone there is nothing to answer or edit. */
  #showBar() {
    const seq = this.#editing?.seq ?? this.#replies.get(this.#room);
    if (seq === undefined) return this.#bar.hide();
    const copy = this.#app.copyAt(this.#room, seq);
    if (copy.message && copy.isShown) {
      this.#followEdit(copy.message);
      return this.#bar.show(this.#editing ? "edit" : "reply", copy, this.#app.state);
    }
    if (copy.message !== undefined) this.#gone();
  }

  /** Another device has changed the message that is edited: so is the text in the field, if nothing was written yet. */
  #followEdit({ text }) {
    if (!this.#editing || text === this.#editing.text) return;
    const isUntouched = this.#field.value === this.#editing.text;
    this.#editing.text = text;
    if (isUntouched) this.#write(text);
  }

  /** Only what the person has written since stays. */
  #gone() {
    const { value } = this.#field;
    const written = this.#editing && value !== this.#editing.text ? value : "";
    const complaint = !this.#editing ? laterTexts.talkReplyGone : written ? laterTexts.talkEditGone : laterTexts.talkGone;
    this.cancel();
    if (written) this.putBack(written);
    this.#bar.complain(complaint);
  }

  /** Send what stands in the field; a message perhaps in these parts of it. */
  submit(parts = null) {
    const text = this.#field.value;
    const editing = this.#editing?.seq ?? null;
    const replyTo = editing === null ? (this.#replies.get(this.#room) ?? null) : null;
    if (text.trim() === "" && editing === null && !this.#does.hasFiles()) {
      this.#write("");
      this.focus();
      return;
    }
    const problem = this.#does.onSend(text, { replyTo, editing, parts });
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

  #write(text) {
    this.#field.value = text;
    this.#look();
  }

  #changed() {
    const { value } = this.#field;
    this.#bar.clearComplaint();
    this.#look();
    if (this.#editing) return;
    this.#draft = value;
    this.#app.setDraft(this.#room, value);
    if (value.trim() !== "" && !value.startsWith("/")) this.#app.typing(this.#room);
  }

  #look() {
    const { value } = this.#field;
    this.look();
    this.#does.onText(value, this.#editing === null && !value.startsWith("/"));
  }

  #onKey(event) {
    const isLine = event.target === this.#input;
    if (event.key === "Enter" && event.shiftKey && isLine) {
      this.#field.insert("\n");
    } else if (event.key === "Enter" && !event.shiftKey && (isLine || !hasOnScreenKeyboard() || event.ctrlKey || event.metaKey)) {
      this.submit();
    } else if (event.key === "ArrowUp" && !event.altKey && this.#field.value === "" && this.#editing === null) {
      this.#does.onEditLast();
    } else if (event.key === "Escape") {
      if (!this.cancel()) return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
