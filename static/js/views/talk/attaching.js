/**
 * Files that are to be sent: the button, and what catches those that are pasted or dropped. What becomes of them
 * (`attach/`) is loaded when the browser has time, or when it is first needed.
 */
import { laterTexts } from "../../core/later-texts.js";
import { iconButton } from "../parts/dom.js";
import { hasModal } from "../parts/layers.js";

const whenIdle = globalThis.requestIdleCallback ?? ((callback) => setTimeout(callback, 3_000)); // Safari has none

export class Attaching {
  #shell;
  #composer;
  #bottom;
  #button;
  #loading = null;
  #tray = null;

  /** @param {object} shell @param {import("./composer.js").Composer} composer @param {{tools: HTMLElement, bottom: HTMLElement}} elements */
  constructor(shell, composer, { tools, bottom }) {
    this.#shell = shell;
    this.#composer = composer;
    this.#bottom = bottom;
    this.#button = iconButton("clip", laterTexts.attachTitle, () => this.#choose(), "icon-button attach-button");
    this.#button.hidden = true;
    tools.append(this.#button);
    // Before the field: a picture often comes with the text of its address.
    addEventListener("paste", (event) => this.#paste(event), { capture: true });
  }

  /** Show this state. */
  render(state) {
    const isOffered = state.limits.files > 0;
    if (this.#button.hidden === isOffered) {
      this.#button.hidden = !isOffered;
      if (isOffered) whenIdle(() => this.#load());
    }
    this.#tray?.render(state);
  }

  /** How many files are ready to be sent in the open room. */
  get count() {
    return this.#tray?.count ?? 0;
  }

  /** Those files, which are then on their way. @returns {import("../../app/files.js").Chosen[]} */
  take() {
    return this.#tray?.take() ?? [];
  }

  /** Add files, or what was chosen before. @param {Array<File|import("../../app/files.js").Chosen>} files @param {number} folders that were among them */
  async add(files, folders = 0) {
    (await this.#load()).add(files, folders);
  }

  #load() {
    this.#loading ??= Promise.all([import("./attach/tray.js"), this.#shell.app.filesReady]).then(
      ([{ Tray }]) => (this.#tray = new Tray(this.#shell, this.#composer, this.#bottom)),
      (error) => {
        this.#loading = null; // and again at the next press
        throw error;
      },
    );
    return this.#loading;
  }

  /** At once if it can be: browsers open their chooser of files only while they remember the press. */
  #choose() {
    if (this.#tray) this.#tray.choose(this.#button);
    else this.#load().then((tray) => tray.choose(this.#button));
  }

  #paste(event) {
    const { files, types } = event.clipboardData;
    // Office programs put a picture of the text beside it.
    if (files.length === 0 || types.includes("text/rtf") || hasModal() || this.#isOfOtherField(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    this.add(Array.from(files));
  }

  #isOfOtherField(target) {
    return target.closest?.("input, textarea, [contenteditable]") != null && target.closest("#composer") === null;
  }
}
