/**
 * Every sentence about voice notes and sounds: they come with the recorder and the player.
 */
import { duration } from "./texts.js";

const spoken = (seconds) => (seconds === 0 ? "0 seconds" : duration(seconds));

export const voiceTexts = {
  // Playing.
  play: "Play",
  pause: "Pause",
  seek: "Position",
  position: (seconds, of) => `${spoken(seconds)} of ${spoken(of)}`,
  speed: (rate) => `Speed: ${rate} times`,
  rate: (rate) => `${rate}×`,
  unheard: "Not played yet",
  cannotPlay: "This browser cannot play it.",
  gone: "It could not be fetched. Perhaps it was deleted, or there is no connection.",
  download: "Download",

  // Recording.
  record: "Record a voice note",
  recordHow: "Record a voice note: hold while you speak, or tap",
  insecure: "Voice notes need https. Ask who runs this chat.",
  noRecorder: "This browser cannot record. Use a newer one for voice notes.",
  refused: "The browser does not allow the microphone. Allow it for this address in the browser's settings.",
  noMicrophone: "No microphone was found. Connect one, and try again.",
  busy: "The microphone does not work just now. Perhaps another program uses it: end that, and try again.",
  asking: "Waiting for the microphone…",
  hintHold: "Hold the button while you speak, or tap it to record hands free.",
  hintReady: "The microphone is ready now. Hold the button while you speak, or tap it.",
  recorder: "Voice note",
  held: "Recording. Let go to send.",
  free: "Recording hands free.",
  paused: (ms) => `Paused at ${spoken(Math.round(ms / 1000))}.`,
  resumed: "Recording goes on.",
  ended: (ms) => `The recording has ended at ${spoken(Math.round(ms / 1000))}. Listen to it, send it or discard it.`,
  takenAway: "The microphone was taken by something else. What was recorded is here.",
  longest: "A voice note is 15 minutes at most. What was recorded is here.",
  oneMinute: "One minute is left.",
  slideToCancel: "Slide to cancel",
  lock: "Slide up to lock",
  pauseRecording: "Pause the recording",
  resume: "Go on recording",
  send: "Send the voice note",
  discard: "Discard the recording",
  discarded: "The recording was discarded.",
  unfinished: (clock) => `An unfinished recording of ${clock}`,
  own: "Your voice note",
  notKept: "The browser keeps nothing here: a reload would lose this recording.",
};
