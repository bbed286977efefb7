/**
 * Finds web addresses in a text. Pure, and linear in the length of the text, which strangers write.
 */

// Ends at white space, at what cannot stand in an address, and at bidi controls, which could disguise one.
const ADDRESS = /(?<![\p{L}\p{N}_])https?:\/\/[^\s<>"`{}|\\^\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+/giu;
const CLOSING_PUNCTUATION = new Set(".,;:!?'*_~…。，、！？；：»›”’");
const OPENER_OF = new Map([[")", "("], ["]", "["]]);

/**
 * Split a text into plain pieces and links; put together, the pieces are the text again.
 * @param {string} text
 * @returns {Array<{text: string, href?: string}>}
 */
export function split(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTrailingPunctuation(match[0]);
    const href = webAddress(address);
    if (!href) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** The sentence's own full stop or bracket is not part of the address in it; a bracket opened inside is. */
function withoutTrailingPunctuation(address) {
  const surplus = new Map();
  for (const [closer, opener] of OPENER_OF) {
    surplus.set(closer, count(address, closer) - count(address, opener));
  }
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    if (CLOSING_PUNCTUATION.has(last)) continue;
    if (!(surplus.get(last) > 0)) break;
    surplus.set(last, surplus.get(last) - 1);
  }
  return address.slice(0, end);
}

function count(text, character) {
  let found = 0;
  for (const each of text) if (each === character) found += 1;
  return found;
}

function webAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:"].includes(url.protocol) && url.hostname ? url.href : null;
  } catch {
    return null;
  }
}
