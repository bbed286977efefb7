/**
 * Folding of words for comparison: case, accents and width do not count. Pure.
 */

const DIACRITICS = /\p{M}+/gu;

/** A text in the form in which texts that read the same are the same. */
export const fold = (text) => text.normalize("NFKD").replace(DIACRITICS, "").toLowerCase();

/**
 * Whether a character belongs to a word that is set off by spaces. Letters of scripts without spaces between words (and
 * of Korean, whose particles are attached) do not: there, anything may stand beside anything.
 * @param {string} character one character, or "" for none
 */
export const isWordLike = (character) => WORD_LIKE.test(character);

const WORD_LIKE =
  /^(?!\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar}|\p{Script=Tibetan})[\p{L}\p{N}\p{M}]/u;

/** The whole character that ends before this index; "" at the beginning. */
export function characterBefore(text, index) {
  if (index <= 0) return "";
  const isLow = text.charCodeAt(index - 1) >= 0xdc00 && text.charCodeAt(index - 1) <= 0xdfff;
  return text.slice(index - (isLow && index > 1 ? 2 : 1), index);
}

/** The whole character that begins at this index; "" at the end. */
export function characterAt(text, index) {
  return index < text.length ? String.fromCodePoint(text.codePointAt(index)) : "";
}
