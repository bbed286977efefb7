/**
 * The recorder in the place where one writes: the time, how loud it is, and what can be done. While the button is held it
 * lies over the field, which keeps its focus and with it the on-screen keyboard; hands free it stands in its place.
 */
import { elapsed, isKept, isRunning } from "../../../core/recording.js";
import { wavePath } from "../../../core/peaks.js";
import { timeCode } from "../../../core/time-code.js";
import { voiceTexts } from "../../../core/voice-texts.js";
import { makeAudioPlayer, wave } from "../../parts/audio-player.js";
import { icon, iconButton, make } from "../../parts/dom.js";
import { needStyles } from "../../parts/forms.js";
import { setText } from "../../parts/set-text.js";

const LEVELS = 32; // in view: the last three seconds
const CALM_LEVELS = 10; // of which one is shown where somebody asks for less movement: one a second

export class RecorderBar {
  #inner;
  #soundOf;
  #time = make("span", "recorder-time");
  #live = make("span", "recorder-live");
  #path;
  #heard = make("span", "recorder-heard");
  #hint = make("span", "recorder-hint");
  #lock = make("span", "recorder-lock");
  #note = make("div", "recorder-note");
  #spoken = make("span", "unseen");
  #discard;
  #pause;
  #send;
  #levels = new Array(LEVELS).fill(0);
  #count = 0;
  #player = "";
  element = make("div", "recorder");

  /** @param {HTMLElement} inner of the composer @param {{discard(): void, toggle(): void, send(): void, soundOf(recording: object): object}} does */
  constructor(inner, does) {
    needStyles("voice");
    this.#inner = inner;
    this.#soundOf = does.soundOf;
    this.#discard = iconButton("trash", voiceTexts.discard, does.discard, "icon-button recorder-discard");
    this.#pause = iconButton("pause", voiceTexts.pauseRecording, does.toggle);
    this.#send = iconButton("send", voiceTexts.send, does.send, "icon-button recorder-send");
    const shown = wave(this.#levels, "audio-wave");
    this.#path = shown.firstChild;
    this.#live.append(shown);
    this.#time.setAttribute("role", "timer");
    this.#lock.append(icon("lock"));
    this.#lock.title = voiceTexts.lock;
    this.#lock.setAttribute("aria-hidden", "true"); // whoever cannot see it records hands free
    this.#hint.append(icon("back"), make("span", "", voiceTexts.slideToCancel));
    this.#hint.setAttribute("aria-hidden", "true");
    this.#spoken.setAttribute("role", "status");
    const dot = make("span", "recorder-dot");
    this.element.append(this.#note, this.#discard, dot, this.#time, this.#live, this.#heard, this.#hint, this.#pause, this.#send, this.#lock);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", voiceTexts.recorder);
    this.element.dataset.phase = "idle";
    this.element.hidden = true;
    inner.append(this.element, this.#spoken);
  }

  /** Show a recording. @param {object} state see core/recording.js @param {object|null} recording @param {number} nowMs */
  show(state, recording, nowMs) {
    const { phase } = state;
    const had = this.element.contains(document.activeElement);
    this.element.hidden = phase === "idle";
    this.element.dataset.phase = phase;
    this.#inner.dataset.recording = phase === "idle" ? "none" : state.isDown ? "held" : phase;
    if (phase === "idle") {
      this.#levels.fill(0);
      this.#showPlayer("", null);
      return;
    }
    setText(this.#note, phase === "asking" ? voiceTexts.asking : (recording?.note ?? ""));
    setText(this.#time, timeCode(elapsed(state, nowMs)));
    const canGoOn = phase === "free" || phase === "paused";
    this.#pause.hidden = !canGoOn;
    this.#pause.lastChild.dataset.icon = isRunning(state) ? "pause" : "mic";
    this.#pause.ariaLabel = this.#pause.title = isRunning(state) ? voiceTexts.pauseRecording : voiceTexts.resume;
    this.#discard.hidden = this.#send.hidden = phase === "held";
    this.#send.disabled = phase === "asking";
    const isHearable = isKept(state) && recording.pieces.length > 0;
    this.#showPlayer(isHearable ? `recording/${recording.id}/${recording.pieces.length}` : "", recording);
    if (had && !this.element.contains(document.activeElement)) this.#send.focus();
  }

  /** How loud it was a moment ago. */
  addLevel(level) {
    this.#levels.push(Math.sqrt(level)); // as ears hear it
    this.#levels.shift();
    this.#count += 1;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!isCalm || this.#count % CALM_LEVELS === 0) this.#path.setAttribute("d", wavePath(this.#levels));
  }

  /** How far the finger has come on its way to cancel, and to lock: from 0 to 1. */
  showSlide({ cancel, lock }) {
    this.#inner.style.setProperty("--cancel", String(Math.min(cancel, 1)));
    this.#inner.style.setProperty("--lock", String(Math.min(lock, 1)));
  }

  /** Say something to who hears the page. */
  say(sentence) {
    this.#spoken.textContent = sentence;
  }

  focus() {
    (this.#pause.hidden ? this.#send : this.#pause).focus({ preventScroll: true });
  }

  #showPlayer(key, recording) {
    if (key === this.#player) return;
    this.#player = key;
    this.#heard.replaceChildren(...(key ? [makeAudioPlayer({ key, label: voiceTexts.own, isNarrow: true, ...this.#soundOf(recording) })] : []));
  }
}
