/**
 * The microphone. What is in the way of it is said in a sentence.
 */
import { voiceTexts } from "../../../core/voice-texts.js";

const SOUND = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const REASONS = {
  NotAllowedError: voiceTexts.refused,
  SecurityError: voiceTexts.refused,
  NotFoundError: voiceTexts.noMicrophone,
  OverconstrainedError: voiceTexts.noMicrophone,
};

/**
 * Ask for the microphone. It is on until `close` is called with it.
 * @returns {Promise<{stream: MediaStream}|{problem: string}>}
 */
export async function openMicrophone() {
  try {
    return { stream: await navigator.mediaDevices.getUserMedia({ audio: SOUND }) };
  } catch (error) {
    return { problem: REASONS[error.name] ?? voiceTexts.busy };
  }
}

/** Give the microphone back. */
export const close = (stream) => stream.getTracks().forEach((track) => track.stop());

/** One recording at a time, of all tabs: whoever begins takes the microphone, and the tab that had it is told. @returns {() => void} gives it up */
export function takeTurn(onTaken) {
  let letGo;
  const until = new Promise((resolve) => (letGo = resolve));
  navigator.locks.request("trio-chat.microphone", { steal: true }, () => until).catch(onTaken);
  return letGo;
}
