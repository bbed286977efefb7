/**
 * A take: what the microphone hears, recorded in pieces of a second, with how loud it was. It ends once, and gives the microphone
 * back.
 */
import { levelOf } from "../../../core/peaks.js";
import { close } from "./microphone.js";

// MP4 says how long it is, and plays on every phone; WebM is for who cannot write it. Safari's claim to write WebM is not
// to be trusted, so it is asked last.
const TYPES = ["audio/mp4;codecs=mp4a.40.2", "audio/mp4;codecs=opus", "audio/webm;codecs=opus", "audio/ogg;codecs=opus"];
const BITS_PER_SECOND = 24_000;
const PIECE_MS = 1_000;
const LEVEL_MS = 100;

export class Take {
  #stream;
  #recorder;
  #context;
  #analyser;
  #samples;
  #timer = null;
  #levels = []; // since the last piece
  #stopped;
  #does;
  level = 0; // how loud it is just now, from 0 to 1

  /**
   * @param {MediaStream} stream @param {object} does
   * @param {(bytes: Blob, levels: number[]) => void} does.onPiece each second @param {() => void} does.onLost the microphone is gone
   * @param {(level: number) => void} does.onLevel
   */
  constructor(stream, does) {
    this.#stream = stream;
    this.#does = does;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { ...(mimeType && { mimeType }), audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) does.onPiece(data, this.#levels.splice(0));
    };
    this.#stopped = new Promise((resolve) => (this.#recorder.onstop = resolve));
    this.#recorder.onerror = () => does.onLost();
    for (const track of stream.getAudioTracks()) track.onended = track.onmute = () => does.onLost(); // for a call, say
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }

  /** What the pieces are together. */
  get mediaType() {
    return this.#recorder.mimeType;
  }

  start() {
    this.#context.resume();
    this.#recorder.start(PIECE_MS);
    this.#listen();
  }

  pause() {
    if (this.#recorder.state !== "recording") return;
    this.#recorder.pause();
    this.#recorder.requestData(); // so that it can be heard
    clearInterval(this.#timer);
  }

  resume() {
    if (this.#recorder.state !== "paused") return;
    this.#recorder.resume();
    this.#listen();
  }

  /** End it; resolves when the last piece was told. */
  async stop() {
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    await this.#stopped;
    for (const track of this.#stream.getAudioTracks()) track.onended = track.onmute = null;
    close(this.#stream);
    await this.#context.close().catch(() => {}); // twice
  }

  #listen() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.#analyser.getFloatTimeDomainData(this.#samples);
      this.level = levelOf(this.#samples);
      this.#levels.push(this.level);
      this.#does.onLevel(this.level);
    }, LEVEL_MS);
  }
}
