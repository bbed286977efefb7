/**
 * Sounds that are played: one at a time, by one element for all of them, since phones let only such an element play on which
 * somebody has pressed. A sound outlives what shows it: that comes and goes as the log is scrolled.
 *
 * A voice note is fetched whole and played from memory: browsers write WebM without its length and without an index, so that
 * neither the length nor seeking can be had from its address. What the browser cannot play it may be able to decode: then it is
 * played as WAV.
 */
import { lazy } from "../../core/lazy.js";
import { writeWav } from "../../core/wav.js";
import { keep, readKept } from "./storage.js";

const SPEEDS = [1, 1.5, 2];
const SPEED_KEY = "trio-chat.speed";
const BEYOND_S = 1e9; // seeking there, browsers find out where the end is
const PATIENCE_MS = 10_000; // or they do not
const MOST_DECODED_BYTES = 32 * 1024 * 1024; // what is decoded is in memory
const DECODED_RATE = 24_000; // samples a second: 15 minutes are 43 MB
const HELD = 5; // so many are in memory

const element = lazy(makeElement);
const held = new Map(); // key -> sound, what was played last at the end
let current = null; // the sound that has the element

/** The speed that was chosen, for all sounds. */
export const speed = () => SPEEDS.find((one) => String(one) === readKept("localStorage", SPEED_KEY)) ?? 1;

/** The next speed, for all sounds and the next visits. */
export function changeSpeed() {
  keep("localStorage", SPEED_KEY, String(SPEEDS[(SPEEDS.indexOf(speed()) + 1) % SPEEDS.length]));
  if (current) element().playbackRate = speed();
}

/** Whatever plays is paused: somebody begins to record, say. */
export const hush = () => current?.pause();

/** The sound of this key, if it was played lately: it goes on where it is. See `Sound` for `about`. */
export const soundOf = (about) => held.get(about.key) ?? new Sound(about);

export class Sound {
  #about;
  #url = null; // what the element plays: an address, or something in memory
  #ready = null; // resolves when the element has it
  #place = 0; // in seconds, while the element is another's
  #found = null; // seconds that it is long, as its file says
  #isWanted = false; // to be played
  #isDecoded = false;
  #isInMemory = false; // at an address of its own
  phase = "idle"; // idle, loading, playing, paused, failed
  isGone = false; // it failed since it could not be fetched
  onChange = () => {};
  onEnd = () => {};

  /**
   * @param {{key: string, source: string|Blob, ms: number|null, isWhole: boolean}} about `source`: an address, or the sound
   *   itself; `ms`: how long it is, null: its file says; `isWhole`: it is fetched whole
   */
  constructor(about) {
    this.#about = about;
  }

  get key() {
    return this.#about.key;
  }

  /** Where it is, in seconds. */
  get seconds() {
    return this.#isOpen ? element().currentTime : this.#place;
  }

  /** How long it is, in seconds; null: not known yet. */
  get length() {
    return this.#about.ms === null ? this.#found : this.#about.ms / 1000;
  }

  get #isOpen() {
    return current === this && element().dataset.key === this.key;
  }

  /** Play on, or from the beginning; what plays is paused. */
  async play() {
    if (current !== this) current?.#letGo();
    current = this;
    hold(this);
    this.#isWanted = true;
    this.isGone = false;
    this.#is("loading");
    try {
      await (this.#ready ??= this.#prepare());
      if (!this.#isPlayed) return;
      element().playbackRate = speed();
      await element().play();
    } catch (error) {
      if (!this.#isPlayed || error.name === "AbortError") return; // something else happened meanwhile
      this.#ready = null;
      if (error.name === "NotAllowedError") this.pause();
      else await this.fail(error);
    }
  }

  pause() {
    this.#isWanted = false;
    if (this.#isOpen) element().pause();
    if (this.phase === "playing" || this.phase === "loading") this.#is("paused");
  }

  /** @param {number} seconds */
  seek(seconds) {
    const place = Math.max(0, Math.min(seconds, this.length ?? seconds));
    if (this.#isOpen) element().currentTime = place;
    else this.#place = place;
    this.onChange();
  }

  /** What is in memory of it goes from there. */
  free() {
    if (current === this) {
      this.#letGo();
      current = null;
    }
    held.delete(this.key);
    this.#forget();
  }

  /** The element tells how it goes on. */
  tell(phase) {
    if (this.#isOpen && this.phase !== "failed") this.#is(phase);
  }

  ended() {
    this.#isWanted = false;
    this.seek(0);
    this.#is("paused");
    this.onEnd();
  }

  /** What cannot be played as it is may still be decoded. */
  async fail(error) {
    this.#place = this.seconds;
    delete element().dataset.key;
    this.isGone = error instanceof NotFetched;
    if (!this.isGone && !this.#isDecoded) {
      this.#isDecoded = true;
      try {
        const wav = await decoded(await fetched(this.#about.source, MOST_DECODED_BYTES));
        this.#take(wav);
        if (this.#isPlayed) await this.play();
        return;
      } catch (other) {
        this.isGone = other instanceof NotFetched;
        this.#isDecoded = false;
      }
    }
    this.#isWanted = false;
    this.#is("failed");
  }

  get #isPlayed() {
    return current === this && this.#isWanted;
  }

  #forget() {
    if (this.#isInMemory) URL.revokeObjectURL(this.#url);
    this.#isInMemory = false;
    this.#url = null;
  }

  /** Play from memory. */
  #take(blob) {
    this.#forget();
    this.#url = URL.createObjectURL(blob);
    this.#isInMemory = true;
  }

  #letGo() {
    this.#place = this.seconds;
    this.pause();
    delete element().dataset.key;
    this.#ready = null;
  }

  async #prepare() {
    const { source, isWhole } = this.#about;
    const isAddress = typeof source === "string" && (!isWhole || source.startsWith("blob:")); // that is in memory already
    if (this.#url === null) isAddress ? (this.#url = source) : this.#take(await fetched(source));
    if (current !== this) throw new DOMException("another one is played", "AbortError");
    const audio = element();
    audio.src = this.#url;
    await happened(audio, "loadedmetadata");
    if (audio.duration === Infinity) {
      audio.currentTime = BEYOND_S;
      await happened(audio, "seeked");
    }
    if (current !== this) throw new DOMException("another one is played", "AbortError");
    audio.currentTime = this.#place;
    audio.dataset.key = this.key;
    if (Number.isFinite(audio.duration)) this.#found = audio.duration;
  }

  #is(phase) {
    this.phase = phase;
    this.onChange();
  }
}

class NotFetched extends Error {}

function makeElement() {
  const audio = new Audio();
  const run = () => {
    if (audio.paused) return;
    current?.onChange(); // the place moves on
    requestAnimationFrame(run);
  };
  audio.preload = "metadata";
  audio.onplaying = () => {
    current?.tell("playing");
    run();
  };
  audio.onwaiting = () => current?.tell("loading");
  audio.onpause = () => !audio.ended && current?.tell("paused"); // by a headset, say
  audio.onended = () => current?.ended();
  audio.onerror = () => audio.dataset.key && current?.fail(audio.error); // later than when it was opened
  return audio;
}

function hold(sound) {
  held.delete(sound.key);
  held.set(sound.key, sound);
  if (held.size > HELD) held.values().next().value.free();
}

/** @param {string|Blob} source @param {number} [most] bytes; what is longer is not fetched @returns {Promise<Blob>} */
async function fetched(source, most = Infinity) {
  if (typeof source !== "string") return source;
  const answer = await fetch(source).catch(() => null);
  if (!answer?.ok) throw new NotFetched();
  if (Number(answer.headers.get("content-length")) > most) throw new Error("too long to be decoded");
  return answer.blob().catch(() => {
    throw new NotFetched();
  });
}

/** Sound as WAV, its channels as one. */
async function decoded(blob) {
  const sound = await new OfflineAudioContext(1, 1, DECODED_RATE).decodeAudioData(await blob.arrayBuffer());
  const samples = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const heard = sound.getChannelData(channel);
    for (let index = 0; index < samples.length; index += 1) samples[index] += heard[index] / sound.numberOfChannels;
  }
  return new Blob([writeWav(samples, sound.sampleRate)], { type: "audio/wav" });
}

/** Wait for an event of the element, not for ever; rejects with its error. */
function happened(audio, type) {
  const done = new AbortController();
  return new Promise((resolve, reject) => {
    audio.addEventListener(type, resolve, { once: true, signal: done.signal });
    audio.addEventListener("error", () => reject(audio.error), { once: true, signal: done.signal });
    setTimeout(reject, PATIENCE_MS, new NotFetched());
  }).finally(() => done.abort());
}
