/**
 * Emoji: the list, search, skin tones, recently used ones, and messages that are nothing but emoji. Pure.
 *
 * @typedef {{emoji: string, label: string, tags: string[], group: number, skins: string[]}} Emoji `skins`: from light to
 *   dark, or none
 */
import { fold } from "./fold.js";

const MOST_BIG = 3;
const LONGEST_BIG = 120; // a family with skin tones takes some 25 code units
const MOST_RECENT = 27; // three rows of nine

const UNIT = String.raw`(?:\p{Emoji}(?:\p{Emoji_Modifier}|\ufe0f\u20e3?)|(?![©®™])\p{Extended_Pictographic}|(?!\p{RI})\p{Emoji_Presentation})`;
const TAGS = String.raw`(?:[\u{e0020}-\u{e007e}]+\u{e007f})?`;
const ONE = new RegExp(String.raw`\p{RI}\p{RI}|${UNIT}${TAGS}(?:\u200d${UNIT})*`, "gu");

/** How many emoji a text is, when it is one to three and nothing else; else 0. */
export function emojiCount(text) {
  const bare = text.trim();
  if (bare === "" || bare.length > LONGEST_BIG) return 0;
  const count = bare.match(ONE)?.length ?? 0;
  return count <= MOST_BIG && bare.replace(ONE, "").trim() === "" ? count : 0;
}

/**
 * The list as it is used, of the rows of static/vendor/emoji.json.
 * @param {Array<[string, string, string, number, string[]?]>} rows
 * @returns {Emoji[]}
 */
export function unpackEmoji(rows) {
  return rows.map(([emoji, label, tags, group, skins = []]) => ({
    emoji: canonicalEmoji(emoji),
    label,
    tags: tags.split("|"),
    group,
    skins: skins.map(canonicalEmoji),
  }));
}

/** An emoji as Unicode lists it: asked to be colourful only where it would not be so by itself. Else there are two 👍. */
export const canonicalEmoji = (emoji) => emoji.replace(/(\p{Emoji_Presentation})\ufe0f/gu, "$1");

/**
 * The emoji that a query may mean, the likeliest first. All words of the query must begin a word of its label or tags.
 * @param {Emoji[]} list @param {string} query @param {number} [limit]
 * @returns {Emoji[]}
 */
export function searchEmoji(list, query, limit = 60) {
  const words = wordsOf(query);
  if (words.length === 0) return list.filter(({ emoji, skins }) => emoji === query.trim() || skins.includes(query.trim()));
  const whole = words.join(" ");
  const ranks = [[], [], [], []];
  for (const each of list) {
    const rank = rankOf(each, words, whole);
    if (rank >= 0) ranks[rank].push(each);
  }
  return ranks.flat().slice(0, limit);
}

const cache = new WeakMap(); // an emoji -> its folded words

function rankOf(each, words, whole) {
  let known = cache.get(each);
  if (!known) cache.set(each, (known = { label: wordsOf(each.label), tags: each.tags.flatMap(wordsOf) }));
  const { label, tags } = known;
  const begins = (haystack) => (word) => haystack.some((other) => other.startsWith(word));
  if (label.join(" ") === whole) return 0;
  if (tags.includes(whole)) return 1;
  if (words.every(begins(label))) return 2;
  return words.every(begins([...label, ...tags])) ? 3 : -1;
}

const wordsOf = (text) => fold(text).split(/[^\p{L}\p{N}+]+/u).filter(Boolean);

/** An emoji in the skin tone 1 (light) to 5 (dark); 0, and emoji without skin, are as they are. */
export const withTone = ({ emoji, skins }, tone) => skins[tone - 1] ?? emoji;

/** The emoji used last, with this one in front. */
export const remember = (recent, emoji) => [emoji, ...recent.filter((other) => other !== emoji)].slice(0, MOST_RECENT);
