/**
 * How long a text is, as the server counts: in code points, and in bytes of the frame that carries it; and a long one in parts. Pure.
 */

const ENVELOPE_BYTES = 4_096; // what stands around the text in a frame: room, mentions, who is quoted
const ESCAPED_BYTES = 6; // the most that a UTF-16 code unit takes
const NEAR = 200;
const USUAL = { textChars: 4_000, messageBytes: 65_536 }; // where the server does not say

/** Most parts in which a text is sent: more is a file. */
export const MOST_PARTS = 25;

const bytesOf = (text) => new TextEncoder().encode(JSON.stringify(text)).length;
const charactersOf = (text) => Array.from(text).length;

/**
 * How many more characters a text may have, at least; exact when it is fewer than 200, negative when it has too many.
 * @param {{textChars: number, messageBytes: number}} limits of the server; 0: none
 */
export function leftIn(text, { textChars, messageBytes }) {
  const bytes = messageBytes - ENVELOPE_BYTES;
  const left = (limit, quick, exact) => (limit <= 0 ? Infinity : limit - quick >= NEAR ? limit - quick : limit - exact(text));
  return Math.min(left(textChars, text.length, charactersOf), left(bytes, text.length * ESCAPED_BYTES, bytesOf));
}

/** Where a text is best cut, the best first: between paragraphs, lines, sentences, words. */
const SEAMS = [/\n\s*\n/g, /\n/g, /[.!?…]["'”’)\]]*\s+|[。！？]/g, /\s+/g];

/**
 * The text in parts that can be sent, without cutting words where that can be helped, and characters never.
 * @returns {string[]|null} null if there would be too many
 */
export function inParts(text, told) {
  const limits = told.textChars || told.messageBytes ? told : USUAL;
  const parts = [];
  let rest = text.trim();
  while (rest.trim() !== "") {
    if (parts.length === MOST_PARTS) return null;
    const most = fittingIn(rest, limits);
    const end = most === rest.length ? most : seamIn(rest.slice(0, most));
    const part = rest.slice(0, end).trimEnd();
    if (part !== "") parts.push(part);
    const isLine = rest[end - 1] === "\n"; // the indentation of the next one stays
    rest = isLine ? rest.slice(end).replace(/^(?:[^\S\n]*\n)+/, "") : rest.slice(end).trimStart();
  }
  return parts;
}

/** The length of the longest beginning that can be sent: whole characters as people see them, or else code points. */
function fittingIn(text, limits) {
  if (leftIn(text, limits) >= 0) return text.length;
  const { textChars, messageBytes } = limits;
  const window = text.slice(0, 2 * Math.max(1, textChars || messageBytes)); // a code point has two units at most
  for (const pieces of [graphemes(window), Array.from(window)]) {
    let [low, high] = [0, pieces.length]; // so many fit, so many do not
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (leftIn(pieces.slice(0, middle).join(""), limits) >= 0) low = middle;
      else high = middle;
    }
    if (low > 0) return pieces.slice(0, low).join("").length;
  }
  return 1;
}

function graphemes(text) {
  if (!globalThis.Intl?.Segmenter) return Array.from(text);
  return Array.from(new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text), ({ segment }) => segment);
}

/** The end of the part: the last seam of the best sort in its second half. */
function seamIn(text) {
  for (const seam of SEAMS) {
    const last = Array.from(text.matchAll(seam)).at(-1);
    const end = last ? last.index + last[0].length : 0;
    if (end > text.length / 2) return end;
  }
  return text.length;
}
