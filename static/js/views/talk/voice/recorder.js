/**
 * The recorder: what the button, the bar and the machine say goes through the state machine of core/recording.js, and what
 * that says is done here. It is loaded when it is first needed.
 */
import { peaksOf, writePeaks } from "../../../core/peaks.js";
import { elapsed, idle, isRunning, leftOver, slideOf, step } from "../../../core/recording.js";
import { laterTexts } from "../../../core/later-texts.js";
import { modTexts } from "../../../core/moderation-texts.js";
import { writingIn } from "../../../core/permissions.js";
import { openRoom } from "../../../core/select.js";
import { timeCode } from "../../../core/time-code.js";
import { voiceTexts } from "../../../core/voice-texts.js";
import { isRightToLeft } from "../../parts/dom.js";
import { forgetHeard } from "../../parts/heard.js";
import { openLayer } from "../../parts/layers.js";
import { hush } from "../../parts/sound.js";
import * as kept from "./kept-recordings.js";
import { close, openMicrophone, takeTurn } from "./microphone.js";
import { RecorderBar } from "./recorder-bar.js";
import { Take } from "./take.js";

const TICK_MS = 200;
const LONG_ENOUGH_MS = 1_000; // to be missed if it was discarded by mistake
const ENDINGS = [["mp4", "m4a"], ["webm", "webm"], ["ogg", "ogg"]];

export class Recorder {
  #shell;
  #app;
  #composer;
  #inner;
  #bar;
  #state = idle();
  #recording = null; // see `#begin`
  #left = []; // recordings of earlier pages and other rooms
  #asked = 0; // counts questions for the microphone: an answer that comes too late is for nobody
  #timer = null;
  #closeLayer = null;
  #person = null;

  /** @param {object} shell @param {import("../composer.js").Composer} composer @param {HTMLElement} inner of the composer */
  constructor(shell, composer, inner) {
    this.#shell = shell;
    this.#app = shell.app;
    this.#composer = composer;
    this.#inner = inner;
    this.#bar = new RecorderBar(inner, {
      discard: () => this.#step({ type: "discard" }),
      toggle: () => this.#step({ type: isRunning(this.#state) ? "pause" : "resume" }),
      send: () => this.#step({ type: "send" }),
      soundOf: soundFrom,
    });
  }

  /** The button is pressed. */
  press() {
    this.#step({ type: "press" });
  }

  /** The finger that holds it moves. @param {number} dx @param {number} dy px from where it was pressed */
  slide(dx, dy) {
    if (!this.#state.isDown) return;
    const way = slideOf(dx, dy, isRightToLeft(this.#inner));
    this.#bar.showSlide(way);
    this.#step({ type: "slide", ...way });
  }

  /** @param {boolean} isTaken by the system: nobody has let go */
  release(isTaken) {
    this.#bar.showSlide({ cancel: 0, lock: 0 });
    this.#step({ type: isTaken ? "taken" : "release" });
  }

  /** By a key: record hands free; once more: send it. */
  tap() {
    const { phase } = this.#state;
    if (phase === "ended") this.#bar.focus(); // nobody has heard that one yet
    else this.#step({ type: phase === "idle" ? "tap" : "send" });
  }

  /** Offer what earlier pages have left. @param {object[]} restored the outbox as they have left it: what is in there is sent */
  async lookForLeft(restored) {
    await this.#app.filesReady;
    for (const left of await kept.claimLeft()) {
      const entry = restored.find(({ files = [] }) => files.some(({ recording }) => recording === left.id));
      if (entry && (await this.#isOnItsWay(entry))) this.#drop(left);
      else this.#left.push({ ...left, note: "", writing: Promise.resolve() });
    }
    this.render(this.#app.state);
  }

  /** A page that crashed may have had no time to forget a recording that it has sent, nor to keep the file for the outbox. */
  async #isOnItsWay(entry) {
    const isWaiting = () => this.#app.state.outbox.some(({ id }) => id === entry.id);
    const files = await this.#app.files.chosen(entry);
    if (files.length > 0 || !isWaiting()) return true;
    this.#app.discard(entry.id);
    return false;
  }

  /** Show this state. */
  render(state) {
    const { id } = state.me ?? {};
    if (state.lost?.why === "loggedOut") this.#forget();
    else if (this.#person && id && id !== this.#person) this.#leave();
    this.#person = id ?? this.#person;
    if (this.#recording && this.#recording.room !== state.open) this.#leave();
    const left = this.#left.find(({ room, person }) => room === state.open && person === id);
    if (left && this.#state.phase === "idle") this.#offer(left);
  }

  #step(event) {
    const at = performance.now();
    const isSent = event.type === "send" || event.type === "release";
    const type = isSent && this.#mustWait() ? (event.type === "send" ? "pause" : "taken") : event.type;
    const before = this.#state;
    const ms = Math.round(elapsed(before, at));
    const [next, does] = step(before, { ...event, type, at });
    this.#state = next;
    if (this.#recording) this.#recording.ms = isRunning(next) ? null : ms;
    if (does.includes("stop")) this.#recording.note = type === "lost" ? voiceTexts.takenAway : voiceTexts.longest;
    for (const what of does) this.#does[what](ms);
    if (next.phase !== before.phase) this.#changed(before.phase, ms);
    this.#show();
  }

  #does = {
    ask: () => this.#ask(),
    abandon: () => (this.#asked += 1),
    start: () => {
      this.#recording.take.start();
      navigator.vibrate?.(8);
    },
    pause: () => this.#recording.take.pause(),
    resume: () => {
      hush();
      this.#recording.take.resume();
    },
    stop: () => this.#end(this.#recording),
    send: (ms) => this.#send(this.#give(), ms),
    discard: (ms) => this.#discard(this.#give(), ms),
    warn: () => this.#shell.toast(voiceTexts.oneMinute),
    hintHold: () => this.#shell.toast(voiceTexts.hintHold),
    hintReady: () => this.#shell.toast(voiceTexts.hintReady),
  };

  #changed(before, ms) {
    const { phase } = this.#state;
    const sentences = { held: voiceTexts.held, free: before === "paused" ? voiceTexts.resumed : voiceTexts.free, paused: voiceTexts.paused(ms), ended: voiceTexts.ended(ms) };
    if (phase in sentences) this.#bar.say(sentences[phase]);
    clearInterval(this.#timer);
    if (isRunning(this.#state)) this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#show();
    const isOpen = phase === "free" || phase === "paused";
    if (isOpen && !this.#closeLayer) {
      this.#closeLayer = openLayer(this.#bar.element, { close: () => this.#step({ type: "discard" }), isModal: false });
      this.#bar.focus();
    } else if (!isOpen && this.#closeLayer) {
      const closed = this.#closeLayer;
      this.#closeLayer = null;
      closed(() => {});
    }
  }

  #tick() {
    this.#step({ type: "tick" });
    if (isRunning(this.#state)) this.#app.typing(this.#recording.room, "voice");
  }

  #show() {
    this.#bar.show(this.#state, this.#recording, performance.now());
  }

  /** In slow mode a message may have to wait: then so does this one. */
  #mustWait() {
    if (!this.#recording) return false;
    const now = Date.now();
    const writing = writingIn(this.#app.state, openRoom(this.#app.state), now);
    if (writing.kind !== "slow") return false;
    this.#shell.toast(modTexts.slowWait(Math.ceil((writing.until - now) / 1000)), { isBad: true });
    return true;
  }

  async #ask() {
    const asked = (this.#asked += 1);
    hush();
    const { stream, problem = voiceTexts.busy } = await openMicrophone();
    const isLate = asked !== this.#asked || this.#state.phase !== "asking";
    if (!isLate && stream && this.#begin(stream)) return this.#step({ type: "granted" });
    if (stream) close(stream);
    if (isLate) return;
    this.#step({ type: "refused" });
    this.#shell.toast(problem, { isBad: true });
  }

  /** @returns {boolean} whether the browser can record this */
  #begin(stream) {
    const { open: room, me } = this.#app.state;
    const id = crypto.randomUUID();
    // `ms`: how much was recorded, while it rests; `note`: why it has ended; `writing`: of its pieces; `held`, see `kept.hold`
    const recording = { id, room, person: me.id, at: Date.now(), pieces: [], ms: null, note: "", held: kept.hold(id) };
    const onLost = () => this.#recording === recording && this.#step({ type: "lost" });
    try {
      recording.take = new Take(stream, {
        onPiece: (bytes, levels) => this.#add(recording, bytes, levels),
        onLevel: (level) => this.#bar.addLevel(level),
        onLost,
      });
    } catch {
      return false;
    }
    recording.mediaType = recording.take.mediaType;
    recording.giveTurn = takeTurn(onLost);
    recording.writing = kept.begin(plain(recording)).then((isKept) => isKept || this.#shell.toast(voiceTexts.notKept, { isBad: true }));
    this.#recording = recording;
    return true;
  }

  /** A second of sound: it is in the browser before the next one comes. */
  #add(recording, bytes, levels) {
    const ms = Math.max(recording.ms ?? Math.round(elapsed(this.#state, performance.now())), recording.pieces.at(-1)?.ms ?? 0);
    recording.writing = recording.writing.then(async () => {
      const piece = { bytes: await bytes.arrayBuffer(), levels, ms };
      recording.pieces.push(piece);
      if (!recording.isDiscarded) await kept.add(recording.id, recording.pieces.length, piece);
      if (this.#recording === recording) this.#show();
    });
  }

  /** The recording is not the recorder's any more. */
  #give() {
    const recording = this.#recording;
    this.#recording = null;
    this.#left = this.#left.filter((one) => one !== recording);
    return recording;
  }

  /** Give the microphone back; resolves when all of it is there. */
  async #end(recording) {
    await recording.take?.stop();
    await recording.writing;
    recording.giveTurn?.();
  }

  /** It is forgotten by the browser. */
  async #drop(recording) {
    await kept.remove(recording.id);
    (await recording.held)?.();
  }

  async #send(recording, ms) {
    const replyTo = this.#composer.takeReply() ?? undefined;
    await Promise.all([this.#end(recording), this.#app.filesReady]);
    const { id, room, mediaType, pieces } = recording;
    if (pieces.length === 0) {
      this.#shell.toast(voiceTexts.busy, { isBad: true });
    } else {
      const { source: blob, voice } = soundFrom(recording, ms);
      // The entry of the outbox names the recording: so it is not offered once more after a crash.
      const chosen = { blob, name: nameOf(mediaType), voice, recording: id, onKept: () => this.#drop(recording) };
      const sent = this.#app.files.send(room, "", [chosen], { replyTo });
      await sent;
    }
    await this.#drop(recording);
  }

  async #discard(recording, ms) {
    recording.isDiscarded = true;
    await this.#end(recording);
    await this.#drop(recording);
    if (ms < LONG_ENOUGH_MS || recording.pieces.length === 0) return;
    const undo = () => {
      this.#left.push({ ...recording, isDiscarded: false, ms, note: "", take: null, held: kept.hold(recording.id) });
      kept.put(plain(recording));
      this.render(this.#app.state);
    };
    this.#shell.toast(voiceTexts.discarded, { action: { label: laterTexts.talkUndo, onPress: undo } });
  }

  /** Another room is open, or somebody else is here: what was recorded waits in its room for who recorded it. */
  async #leave() {
    this.#step({ type: "leave" });
    const recording = this.#give();
    if (!recording) return;
    this.#state = idle();
    this.#show();
    await this.#end(recording);
    this.#left.push(recording);
    this.render(this.#app.state); // one may have come back meanwhile
  }

  /** A recording that has ended, of an earlier page or of before another room was open. */
  #offer(left) {
    const ms = left.ms ?? left.pieces.at(-1)?.ms ?? 0;
    if (left.pieces.length === 0) {
      this.#left = this.#left.filter((one) => one !== left);
      return void this.#drop(left);
    }
    this.#recording = Object.assign(left, { note: voiceTexts.unfinished(timeCode(ms)) });
    this.#state = leftOver(ms);
    this.#bar.say(`${left.note}.`);
    this.#show();
  }

  /** The person was logged out: nothing of them stays in this browser. */
  #forget() {
    if (this.#recording) {
      this.#recording.isDiscarded = true;
      this.#end(this.#give());
      this.#state = idle();
      this.#show();
    }
    this.#left = [];
    kept.removeAll();
    forgetHeard();
  }
}

const plain = ({ id, room, person, mediaType, at, pieces }) => ({ id, room, person, mediaType, at, pieces });

/** What is played, sent, and drawn of a recording. */
function soundFrom({ mediaType, pieces, ms: rested }, ms = rested ?? pieces.at(-1).ms) {
  const source = new Blob(pieces.map(({ bytes }) => bytes), { type: mediaType.replace(/;.*/, "") });
  return { source, voice: { ms, peaks: writePeaks(peaksOf(pieces.flatMap(({ levels }) => levels))) } };
}

/** What the file is called, by the day and the time. */
function nameOf(mediaType) {
  const two = (number) => String(number).padStart(2, "0");
  const now = new Date();
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(two).join("-");
  const ending = ENDINGS.find(([type]) => mediaType.includes(type))?.[1] ?? "audio";
  return `voice-${day}-${two(now.getHours())}${two(now.getMinutes())}.${ending}`;
}
