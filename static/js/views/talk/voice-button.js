/**
 * The button of the microphone: it stands where one sends, as long as there is nothing to send. Hold to talk; a tap, or
 * Alt+Shift+V, records hands free. The recorder is loaded with the first press, or when the browser has time.
 */
import { voiceTexts } from "../../core/voice-texts.js";
import { iconButton, onKeydown } from "../parts/dom.js";
import { hasModal } from "../parts/layers.js";
import { followTouch } from "../parts/touch.js";

const AFTER_SENDING_MS = 600; // a second tap on the button that sends is none on this one

/** What keeps this browser from recording, whatever the person allows; null: nothing. */
function whatIsMissing() {
  if (!isSecureContext) return voiceTexts.insecure;
  return navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder ? null : voiceTexts.noRecorder;
}

export class VoiceButton {
  #shell;
  #composer;
  #inner;
  #button;
  #loading = null; // of the recorder
  #recorder = null;
  #hasLooked = false;
  #sentAt = -Infinity;
  #restored = null; // what earlier pages have left in the outbox
  #problem = whatIsMissing();

  /** @param {object} shell @param {import("./composer.js").Composer} composer @param {{composer: HTMLFormElement, input: HTMLInputElement, tools: HTMLElement}} elements */
  constructor(shell, composer, { composer: form, input, tools }) {
    this.#shell = shell;
    this.#composer = composer;
    this.#inner = input.parentElement;
    this.#button = iconButton("mic", this.#problem ?? voiceTexts.record, () => this.#tap(), "icon-button voice-button");
    this.#button.classList.toggle("off", this.#problem !== null);
    if (!this.#problem) this.#button.title = voiceTexts.recordHow;
    tools.append(this.#button);
    this.#noteOutbox(shell.app);
    form.addEventListener("submit", () => (this.#sentAt = performance.now()));
    this.#button.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    followTouch(this.#button, { onGrab: (_, at) => this.#grab(at) });
    onKeydown(window, (event) => {
      const isIt = event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey && event.code === "KeyV";
      if (!isIt || hasModal() || !this.#isOffered) return;
      event.preventDefault();
      this.#tap();
    });
  }

  /** Show this state. */
  render(state) {
    const isOffered = state.limits.fileBytes > 0;
    this.#inner.classList.toggle("has-voice", isOffered);
    this.#recorder?.render(state);
    if (!isOffered || this.#problem || !this.#restored || this.#hasLooked) return;
    this.#hasLooked = true;
    this.#load().then((recorder) => recorder.lookForLeft(this.#restored));
  }

  /** As it was before anything of it was sent. */
  #noteOutbox(app) {
    const note = ({ isOutboxRestored, outbox }) => {
      if (isOutboxRestored) this.#restored ??= outbox;
    };
    note(app.state);
    app.subscribe(note);
  }

  get #isOffered() {
    return this.#inner.classList.contains("has-voice") && this.#composer.mayRecord;
  }

  #load() {
    this.#loading ??= import("./voice/recorder.js").then(
      ({ Recorder }) => (this.#recorder = new Recorder(this.#shell, this.#composer, this.#inner)),
      (error) => {
        this.#loading = null; // the next press tries again
        throw error;
      },
    );
    return this.#loading;
  }

  #tap() {
    if (this.#problem) this.#shell.toast(this.#problem, { isBad: true });
    else this.#load().then((recorder) => recorder.tap());
  }

  /** What happens before the recorder is loaded it is told afterwards, in the order. */
  #grab({ x, y }) {
    if (this.#problem) return null; // a press like any other
    if (performance.now() - this.#sentAt < AFTER_SENDING_MS) return { move() {}, end() {} };
    const tell = (does) => (this.#recorder ? does(this.#recorder) : this.#load().then(does));
    tell((recorder) => recorder.press());
    return {
      move: (at) => tell((recorder) => recorder.slide(at.x - x, at.y - y)),
      end: (isTaken) => tell((recorder) => recorder.release(isTaken)),
    };
  }
}
