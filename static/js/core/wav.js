/**
 * WAV: sound that every browser plays, made of samples that were decoded otherwise. Pure.
 */

const HEAD = 44;

/**
 * One channel of 16 bits a sample.
 * @param {Float32Array} samples from -1 to 1 @param {number} rate samples a second @returns {ArrayBuffer}
 */
export function writeWav(samples, rate) {
  const bytes = new ArrayBuffer(HEAD + samples.length * 2);
  const view = new DataView(bytes);
  const word = (at, text) => Array.from(text, (letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, bytes.byteLength - 8, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // so long is what follows of the format
  view.setUint16(20, 1, true); // plain samples
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, samples.length * 2, true);
  const values = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index += 1) values[index] = Math.max(-1, Math.min(1, samples[index])) * 0x7fff;
  new Uint8Array(bytes, HEAD).set(new Uint8Array(values.buffer)); // every machine with a browser is little-endian
  return bytes;
}
