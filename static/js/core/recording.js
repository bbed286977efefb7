/**
 * Making a voice note, as a state machine: what the person does and what the machine says lead to the next phase, and to what is
 * to be done. Pure.
 *
 *     idle → asking (for the microphone) → held | free → paused ⇄ free → idle (sent, or discarded)
 *                                              └───────────┴→ ended: the microphone is gone, what was recorded is there
 *
 * `held`: for as long as the finger rests on the button. `free`: hands free. The time of a recording is that of the page's
 * clock, without pauses.
 */

export const LONGEST_MS = 15 * 60_000;
export const WARNED_MS = LONGEST_MS - 60_000;
const SHORTEST_MS = 500; // less was a slip of the finger
const TAP_MS = 350;

/** How far the finger slides, in px: sideways against the reading direction to cancel, up to lock. */
export const CANCEL_PX = 110;
export const LOCK_PX = 72;

/**
 * @typedef {object} Recording
 * @property {"idle"|"asking"|"held"|"free"|"paused"|"ended"} phase
 * @property {number} before ms that were recorded before the last pause @property {number|null} since when it went on; null: it does not
 * @property {number} pressedAt @property {boolean} isDown the button is pressed @property {boolean} isWarned
 */
export const idle = () => ({ phase: "idle", before: 0, since: null, pressedAt: 0, isDown: false, isWarned: false });

/** What an earlier page, or another room, has left of a recording of so many ms. */
export const leftOver = (ms) => ({ ...idle(), phase: "ended", before: ms });

/** Whether sound comes in. */
export const isRunning = ({ phase }) => phase === "held" || phase === "free";

/** Whether something was recorded that can be heard, sent or discarded. */
export const isKept = ({ phase }) => phase === "paused" || phase === "ended";

/** How many ms are recorded. */
export const elapsed = ({ before, since }, nowMs) => Math.min(before + (since === null ? 0 : nowMs - since), LONGEST_MS);

/** How far sliding the finger by so many px has come: 1 is enough. Only the way that is farther counts. */
export function slideOf(dx, dy, isRightToLeft) {
  const cancel = Math.max(0, (isRightToLeft ? dx : -dx) / CANCEL_PX);
  const lock = Math.max(0, -dy / LOCK_PX);
  return cancel >= lock ? { cancel, lock: 0 } : { cancel: 0, lock };
}

/**
 * @param {Recording} now
 * @param {{type: string, at: number}} event `at`: ms of the page's clock; `type` is one of
 *   press (the button goes down), tap (the button by the keyboard: hands free), release, taken (the system has taken the finger),
 *   slide (`cancel`, `lock`, see `slideOf`), granted, refused (the microphone), pause, resume, send, discard,
 *   lost (the microphone is gone), leave (another room is opened), tick
 * @returns {[Recording, string[]]} the next one, and what to do: ask, abandon, start, pause, resume, stop, send, discard, warn,
 *   hintHold (it was too short), hintReady (let go before the microphone was there)
 */
export function step(now, event) {
  const [next, ...does] = (moves[now.phase][event.type] ?? stay)(now, event);
  return [next, does];
}

const stay = (now) => [now];
const halted = (now, { at }) => ({ ...now, before: elapsed(now, at), since: null });
const send = () => [idle(), "send"];
const discard = () => [idle(), "discard"];
const end = (now, event) => [{ ...halted(now, event), phase: "ended" }, "stop"];

function tick(now, event) {
  const ms = elapsed(now, event.at);
  if (ms >= LONGEST_MS) return end(now, event);
  return ms >= WARNED_MS && !now.isWarned ? [{ ...now, isWarned: true }, "warn"] : [now];
}

const moves = {
  idle: {
    press: (_, { at }) => [{ ...idle(), phase: "asking", pressedAt: at, isDown: true }, "ask"],
    tap: (_, { at }) => [{ ...idle(), phase: "asking", pressedAt: at }, "ask"],
  },
  asking: {
    granted: (now, { at }) => [{ ...now, phase: now.isDown ? "held" : "free", since: at }, "start"],
    refused: () => [idle()],
    release: (now, { at }) => (!now.isDown || at - now.pressedAt < TAP_MS ? [{ ...now, isDown: false }] : [idle(), "abandon", "hintReady"]),
    taken: (now) => (now.isDown ? [idle(), "abandon", "hintReady"] : [now]), // by the browser's question, say
    slide: (now, { cancel, lock }) => (cancel >= 1 ? [idle(), "abandon"] : lock >= 1 ? [{ ...now, isDown: false }] : [now]),
    discard: () => [idle(), "abandon"],
    leave: () => [idle(), "abandon"],
    lost: () => [idle(), "abandon"],
  },
  held: {
    release(now, event) {
      if (event.at - now.pressedAt < TAP_MS) return [{ ...now, phase: "free", isDown: false }];
      return elapsed(now, event.at) < SHORTEST_MS ? [idle(), "discard", "hintHold"] : send();
    },
    // The system wants the finger, for a call perhaps: nothing is sent that is not finished, and nothing is lost.
    taken: (now, event) => [{ ...halted(now, event), phase: "paused", isDown: false }, "pause"],
    slide: (now, { cancel, lock }) => (cancel >= 1 ? discard() : lock >= 1 ? [{ ...now, phase: "free", isDown: false }] : [now]),
    discard,
    lost: end,
    leave: end,
    tick,
  },
  free: {
    pause: (now, event) => [{ ...halted(now, event), phase: "paused" }, "pause"],
    send,
    discard,
    lost: end,
    leave: end,
    tick,
  },
  paused: {
    resume: (now, { at }) => [{ ...now, phase: "free", since: at }, "resume"],
    send,
    discard,
    lost: end,
    leave: end,
  },
  ended: { send, discard, leave: stay },
};
