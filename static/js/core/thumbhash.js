/**
 * Thumbhash: a picture in some 25 bytes, to be shown until its preview is there. The server makes it
 * (trio_chat/media/thumbhash.py says what is in it). Pure.
 */

const SIDE = 32;

/**
 * The picture of a hash, 32 pixels on its longer side; null if it is no hash.
 * @param {string} hash in Base64
 * @returns {{width: number, height: number, rgba: Uint8ClampedArray} | null} four bytes a pixel, row by row, as ImageData has them
 */
export function readThumbhash(hash) {
  const bytes = bytesOf(hash);
  if (bytes.length < 5) return null;
  const low = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const high = bytes[3] | (bytes[4] << 8);
  const isTransparent = low >> 23 === 1;
  const isWide = high >> 15 === 1;
  const [longer, shorter] = [isTransparent ? 5 : 7, high & 7];
  const start = isTransparent ? 6 : 5;
  let at = 0;
  const frequencies = (mean, scale, columns, rows) => {
    const terms = [];
    for (let y = 0; y < rows; y += 1) {
      for (let x = y === 0 ? 1 : 0; x * rows < columns * (rows - y); x += 1, at += 1) {
        const four = (bytes[start + (at >> 1)] >> (4 * (at & 1))) & 15;
        terms.push({ x, y, amplitude: 2 * scale * (four / 7.5 - 1) });
      }
    }
    return { mean, terms };
  };
  const columns = Math.max(3, isWide ? longer : shorter);
  const rows = Math.max(3, isWide ? shorter : longer);
  // A little more colour than was measured, for what the highest frequencies had.
  const light = frequencies((low & 63) / 63, ((low >> 18) & 31) / 31, columns, rows);
  const yellow = frequencies(((low >> 6) & 63) / 31.5 - 1, (1.25 * ((high >> 3) & 63)) / 63, 3, 3);
  const reddish = frequencies(((low >> 12) & 63) / 31.5 - 1, (1.25 * ((high >> 9) & 63)) / 63, 3, 3);
  const opaque = isTransparent ? frequencies((bytes[5] & 15) / 15, (bytes[5] >> 4) / 15, 5, 5) : null;
  if (shorter === 0 || bytes.length < start + Math.ceil(at / 2)) return null;
  const side = Math.max(1, Math.round((SIDE * shorter) / longer));
  const [width, height] = isWide ? [SIDE, side] : [side, SIDE];
  return { width, height, rgba: paint(width, height, light, yellow, reddish, opaque) };
}

function paint(width, height, light, yellow, reddish, opaque) {
  const rgba = new Uint8ClampedArray(4 * width * height);
  const [alongX, alongY] = [waves(width), waves(height)];
  const value = ({ mean, terms }, column, row) =>
    terms.reduce((sum, { x, y, amplitude }) => sum + amplitude * alongX[x][column] * alongY[y][row], mean);
  for (let row = 0, at = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, at += 4) {
      const [l, p, q] = [light, yellow, reddish].map((channel) => value(channel, column, row));
      const blue = l - (2 / 3) * p;
      const red = (3 * l - blue + q) / 2;
      const alpha = opaque ? value(opaque, column, row) : 1;
      rgba.set([255 * red, 255 * (red - q), 255 * blue, 255 * alpha], at);
    }
  }
  return rgba;
}

/** The waves of each frequency that there may be, along so many pixels. */
const waves = (length) =>
  Array.from({ length: 7 }, (_, n) =>
    Float64Array.from({ length }, (_, at) => Math.cos((Math.PI / length) * n * (at + 0.5))),
  );

function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
