/**
 * Peaks: how loud a voice note is along its length, in 64 bytes that go with the message, so that its waveform is drawn without
 * its file. Pure.
 */

/** How many a voice note has. */
export const PEAKS = 64;

const LOUDEST = 255;

/** How loud a piece of sound is. @param {Float32Array} samples from -1 to 1 @returns {number} from 0 to 1 */
export function levelOf(samples) {
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return Math.min(most, 1);
}

/**
 * The peaks of so many levels, from 0 to 1, in their order: each is the loudest of its part. They fill the height whether
 * somebody whispers or shouts.
 * @returns {Uint8Array}
 */
export function peaksOf(levels) {
  const peaks = new Uint8Array(PEAKS);
  if (levels.length === 0) return peaks;
  const loudest = levels.reduce((most, level) => Math.max(most, level), 0) || 1;
  for (let index = 0; index < PEAKS; index += 1) {
    const from = Math.floor((index * levels.length) / PEAKS);
    const to = Math.max(from + 1, Math.floor(((index + 1) * levels.length) / PEAKS));
    let most = 0;
    for (let place = from; place < to; place += 1) most = Math.max(most, levels[place]);
    peaks[index] = Math.round((most / loudest) * LOUDEST);
  }
  return peaks;
}

/** As they stand in a message. @param {Uint8Array} peaks */
export const writePeaks = (peaks) => btoa(String.fromCharCode(...peaks));

/** The peaks of a message, from 0 to 1; null: these are none. @returns {number[]|null} */
export function readPeaks(text) {
  try {
    const bytes = atob(text);
    return bytes.length === PEAKS ? Array.from(bytes, (byte) => byte.charCodeAt(0) / LOUDEST) : null;
  } catch {
    return null;
  }
}

/**
 * The bars of a waveform as the path of an SVG that is `PEAKS * 3` wide and 32 high; silence is a dot.
 * @param {number[]} peaks from 0 to 1
 */
export function wavePath(peaks) {
  return peaks
    .map((peak, index) => {
      const half = 1 + peak * 13;
      return `M${index * 3 + 1.5} ${(16 - half).toFixed(1)}v${(half * 2).toFixed(1)}`;
    })
    .join("");
}
