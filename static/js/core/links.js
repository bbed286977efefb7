/**
 * Finds web addresses in a text. Pure, and linear in the length of the text, which strangers write.
 *
 * trio_chat/model/links.py finds the same on the server; tests/js/links.json has the cases for both.
 */

// What ends an address: white space, what cannot stand in one, invisible characters, which could disguise it, and the
// punctuation of scripts without spaces and of full width.
const ENDS =
  "\\s\\0-\\x20\\x7f-\\xa0<>\"`{}|\\\\^\\xad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff" +
  "\\u{e0000}-\\u{e0fff}\\u3000-\\u3004\\u3008-\\u3020\\u3030\\u303d\\u30fb\\uff01-\\uff65\\uffe0-\\uffee";
// Letters that need no space around a word: where they follow a Latin letter or a digit, the text goes on behind the address.
const UNSPACED =
  "\\u0e00-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u3005-\\u3007\\u3041-\\u30fa\\u30fc-\\u318f\\u31a0-\\u31ff" +
  "\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";

const START = new RegExp(`(?<![a-z0-9])(?:(https?://)|(?<![-.@/:])(?=www\\.))([^${ENDS}/?#]{1,320})`, "giu");
const HOST = /^(?:\[[0-9a-f:.]+\]|[\p{L}\p{N}\p{M}_.-]*[\p{L}\p{N}\p{M}])/iu;
const END_OF_HOST = new RegExp(`^(?:[^.]*\\.)+?[a-z]{2,63}(?=[${UNSPACED}])`, "iu");
const LONGEST_HOST = 253;
const NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)$/iu; // browsers read such a host as an IPv4 address, in forms that people do not
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/u;
const WWW = /^www(?:\.[^.]+)+\.[^.]{2,}$/iu;
const PORT = /^:(\d+)/u;
const PATH = new RegExp(`[/?#](?:[^${ENDS}${UNSPACED}]|(?<![a-z0-9])[${UNSPACED}])*`, "iuy");
const CLOSING_PUNCTUATION = ".,;:!?'*_~…।॥،؛؟»›”’";
const ONLY_CLOSING = /^[.,;:!?'*_~…।॥،؛؟»›”’)\]]*$/u;
const OPENER_OF = new Map([[")", "("], ["]", "["]]);

const BEYOND_ASCII = /[^\0-\x7f]/u;
const LATIN = /\p{scx=Latn}/u;
// Letters that nobody takes for Latin ones.
const UNLIKE_LATIN =
  /^(?:[\d-]|\p{scx=Hani}|\p{scx=Hira}|\p{scx=Kana}|\p{scx=Hang}|\p{scx=Thai}|\p{scx=Arab}|\p{scx=Hebr}|\p{scx=Deva}|\p{scx=Beng}|\p{scx=Taml})*$/u;

/**
 * Split a text into plain pieces and links; put together, the pieces are the text again.
 * @param {string} text
 * @returns {Array<{text: string, href?: string, host?: string}>} `host`: the real one, where the one that is written may
 *   look like another
 */
export function split(text) {
  const pieces = [];
  let end = (START.lastIndex = 0);
  for (let match; (match = START.exec(text)); ) {
    const link = linkAt(text, match);
    if (!link) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push(link);
    end = START.lastIndex = match.index + link.text.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** The link that begins with this match, or null. What is in front of an @ is no host, though it looks like one. */
function linkAt(text, { index, 0: beginning, 1: scheme = "", 2: authority }) {
  const host = hostOf(authority);
  if (!host || authority.includes("@") || (!scheme && !WWW.test(host))) return null;
  const port = PORT.exec(authority.slice(host.length))?.[0] ?? "";
  const rest = authority.slice(host.length + port.length);
  const end = index + beginning.length;
  const isAtEnd = rest === "" || (ONLY_CLOSING.test(rest) && !/[/?#]/u.test(text[end]));
  const isWhole = /[.\]]/u.test(host) || (!BEYOND_ASCII.test(host) && (port || isAtEnd));
  if (!isWhole || rest[0] === "%") return null;
  let address = scheme + host + port;
  if (rest === "") {
    PATH.lastIndex = end;
    address = withoutTrailingPunctuation(address + (PATH.exec(text)?.[0] ?? ""));
  }
  try {
    const { href, hostname } = new URL(scheme ? address : `https://${address}`);
    return { text: address, href, ...(mayMislead(host) && { host: hostname }) };
  } catch {
    return null;
  }
}

function hostOf(authority) {
  const [all] = HOST.exec(authority) ?? [""];
  const [host] = END_OF_HOST.exec(all) ?? [all];
  if (host.length > LONGEST_HOST || host.split(".").includes("")) return "";
  return NUMBER.test(host) && !IPV4.test(host) ? "" : host;
}

/** Whether a host may look like another one: it has letters of several scripts, or such as are like Latin ones. */
function mayMislead(host) {
  const isUnclear = (label) => BEYOND_ASCII.test(label) && (LATIN.test(label) || !UNLIKE_LATIN.test(label));
  return LATIN.test(host) && host.split(".").some(isUnclear);
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
    if (CLOSING_PUNCTUATION.includes(last)) continue;
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
