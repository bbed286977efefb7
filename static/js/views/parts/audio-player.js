/**
 * Audio player: play and pause, a waveform or a bar in which one seeks by finger, mouse and keys, the time, the speed. It may
 * stand in a message: it has no text of its own and no `<button>`; what it says is shown by the style sheet. Time runs from left
 * to right in it, also where people read the other way, as on every machine that plays.
 */
import { readPeaks, wavePath } from "../../core/peaks.js";
import { timeCode } from "../../core/time-code.js";
import { voiceTexts } from "../../core/voice-texts.js";
import { icon, make, onKeydown, pressable } from "./dom.js";
import { needStyles } from "./forms.js";
import { isHeard, noteHeard } from "./heard.js";
import { changeSpeed, soundOf, speed } from "./sound.js";
import { followTouch } from "./touch.js";

const STEP_S = 5;
const SVG = "http://www.w3.org/2000/svg";
const KEYS = { ArrowRight: STEP_S, ArrowLeft: -STEP_S, PageUp: 6 * STEP_S, PageDown: -6 * STEP_S, Home: -Infinity, End: Infinity };

let isFollowed = false;
const players = new WeakMap(); // element -> player

/**
 * @param {object} about
 * @param {string} about.key names the sound: "room/seq/n"; the same key is the same sound, wherever it is shown
 * @param {string|Blob} about.source its address, or the sound itself
 * @param {string} about.label what it is, for who hears the page
 * @param {{ms: number, peaks: string}|null} [about.voice] of a voice note
 * @param {string|null} [about.from] whose voice note: the next one of the same person plays on after it
 * @param {boolean} [about.isNews] whether it has a dot until it was played
 * @param {boolean} [about.isNarrow] there is room for half of the bars only
 * @param {string|null} [about.download] the address by which it is saved, if it cannot be played
 * @returns {HTMLElement}
 */
export function makeAudioPlayer(about) {
  needStyles("voice");
  follow();
  const player = new Player(about);
  players.set(player.element, player);
  return player.element;
}

/** Seeking, for all players there are and will be: they come and go too often for a rule each. */
function follow() {
  if (isFollowed) return;
  isFollowed = true;
  followTouch(document.body, {
    selector: ".audio-track",
    onGrab: (track, { x }) => players.get(track.closest(".audio-player"))?.grab(x),
  });
}

class Player {
  #about;
  #sound;
  #play;
  #speed;
  #track = make("span", "audio-track");
  #time = make("span", "audio-time");
  #dragged = null; // seconds, while a finger seeks
  element = make("span", "audio-player");

  constructor({ voice = null, from = null, isNews = false, isNarrow = false, download = null, ...about }) {
    this.#about = { ...about, from, download };
    const { key, source, label } = about;
    this.#sound = soundOf({ key, source, ms: voice?.ms ?? null, isWhole: voice !== null });
    this.#sound.onChange = () => this.#show();
    this.#sound.onEnd = () => playNext(this.element);
    this.#play = pressable("audio-play", voiceTexts.play, () => this.toggle());
    this.#play.append(icon("play"));
    this.#speed = pressable("audio-speed", "", () => {
      changeSpeed();
      for (const one of document.querySelectorAll(".audio-player")) players.get(one)?.showSpeed();
    });
    this.#time.setAttribute("aria-hidden", "true"); // the slider says it
    const peaks = voice && readPeaks(voice.peaks);
    this.#makeTrack(peaks && isNarrow ? halved(peaks) : peaks);
    Object.assign(this.element.dataset, { key, ...(from && { from }) });
    this.element.dir = "ltr";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", label);
    this.element.classList.toggle("voice", voice !== null);
    // In the order of keys: the slider last, as it takes the arrows that lead on.
    this.element.append(this.#play, this.#speed, this.#track, this.#time);
    if (isNews && !isHeard(key)) this.#markUnheard();
    this.showSpeed();
    this.#show();
  }

  toggle() {
    if (this.#sound.phase === "playing" || this.#sound.phase === "loading") this.#sound.pause();
    else this.play();
  }

  play() {
    noteHeard(this.#about.key);
    this.element.querySelector(".audio-unheard")?.remove();
    this.#sound.play();
  }

  showSpeed() {
    this.#speed.dataset.label = voiceTexts.rate(speed());
    this.#speed.setAttribute("aria-label", voiceTexts.speed(speed()));
  }

  /** A finger or the mouse takes hold of the track. */
  grab(x) {
    const length = this.#sound.length;
    if (length === null || this.#sound.phase === "failed") return null;
    const { left, width } = this.#track.getBoundingClientRect();
    const at = (place) => Math.max(0, Math.min(1, (place - left) / width)) * length;
    const show = (place) => {
      this.#dragged = at(place);
      this.#show();
    };
    show(x);
    return {
      move: (point) => show(point.x),
      end: (isTaken) => {
        const place = this.#dragged;
        this.#dragged = null;
        if (isTaken) this.#show(); // for scrolling
        else this.#sound.seek(place);
      },
    };
  }

  #makeTrack(peaks) {
    Object.assign(this.#track, { tabIndex: 0 });
    for (const [name, value] of [["role", "slider"], ["aria-label", voiceTexts.seek], ["aria-valuemin", "0"]]) this.#track.setAttribute(name, value);
    if (peaks) this.#track.append(wave(peaks, "audio-wave"), wave(peaks, "audio-wave played"));
    else this.#track.append(make("span", "audio-bar"), make("span", "audio-bar played"));
    onKeydown(this.#track, (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === " " || event.key === "Enter") this.toggle();
      else if (event.key in KEYS && this.#sound.length !== null) this.#sound.seek(this.#sound.seconds + KEYS[event.key]);
      else return;
      event.preventDefault();
    });
  }

  #markUnheard() {
    const dot = make("span", "audio-unheard");
    dot.setAttribute("role", "img");
    dot.setAttribute("aria-label", voiceTexts.unheard);
    this.element.append(dot);
  }

  #show() {
    const { phase, length } = this.#sound;
    const seconds = Math.min(this.#dragged ?? this.#sound.seconds, length ?? Infinity);
    const isOn = phase === "playing" || phase === "loading";
    this.element.dataset.phase = phase;
    this.#play.setAttribute("aria-label", isOn ? voiceTexts.pause : voiceTexts.play);
    this.#play.firstChild.dataset.icon = isOn ? "pause" : "play";
    this.#track.style.setProperty("--played", `${length ? (seconds / length) * 100 : 0}%`);
    const hasBegun = isOn || seconds > 0;
    set(this.#time.dataset, "label", hasBegun || length === null ? timeCode(seconds * 1000) : timeCode(length * 1000));
    const [now, all] = [Math.floor(seconds), Math.round(length ?? 0)];
    if (this.#track.ariaValueNow !== String(now) || this.#track.ariaValueMax !== String(all)) {
      for (const [name, value] of [["valuenow", now], ["valuemax", all], ["valuetext", voiceTexts.position(now, all)]]) this.#track.setAttribute(`aria-${name}`, value);
    }
    this.#showFailure(phase === "failed");
  }

  #showFailure(isFailed) {
    const shown = this.element.querySelector(".audio-failure");
    if (isFailed === Boolean(shown)) return;
    if (!isFailed) return shown.remove();
    const why = this.#sound.isGone ? voiceTexts.gone : voiceTexts.cannotPlay;
    const sentence = make("span", "audio-why");
    sentence.dataset.label = why;
    sentence.setAttribute("role", "img");
    sentence.setAttribute("aria-label", why);
    const failure = make("span", "audio-failure", sentence);
    if (this.#about.download && !this.#sound.isGone) {
      const link = make("a", "audio-download");
      Object.assign(link, { href: this.#about.download, download: "", ariaLabel: voiceTexts.download });
      link.dataset.label = voiceTexts.download;
      failure.append(link);
    }
    this.element.append(failure);
  }
}

function set(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

/** The same person's next voice note, if none of somebody else stands between: so one listens to what was said in a row. */
function playNext(element) {
  const { key, from } = element.dataset;
  if (!from) return;
  const all = [...document.querySelectorAll("#chat .audio-player.voice")];
  const here = all.findIndex((one) => one.dataset.key === key); // by now perhaps another element
  const next = here < 0 ? null : all[here + 1];
  if (next?.dataset.from === from) players.get(next).play();
}

const halved = (peaks) => peaks.filter((_, index) => index % 2 === 0).map((peak, index) => Math.max(peak, peaks[2 * index + 1]));

/** A waveform. @param {number[]} peaks from 0 to 1 @returns {SVGElement} with a path */
export function wave(peaks, className) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("class", className);
  svg.setAttribute("viewBox", `0 0 ${peaks.length * 3} 32`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", wavePath(peaks));
  svg.append(path);
  return svg;
}
