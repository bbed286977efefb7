/**
 * Mentions in the composer: candidates for "@ad", and the ids of whom a text mentions when it is sent. Pure.
 */
import { characterBefore, fold, isWordLike } from "./fold.js";
import { format, mentionedIn } from "./format.js";

/** The id that means everybody, in `mentions` and in a list of people. */
export const EVERYBODY = "all";

const LONGEST_QUERY = 40; // the longest name
const MOST_WORDS = 3;

/**
 * The beginning of a mention right before the caret.
 * @returns {{start: number, query: string}|null} `start` is the place of the @
 */
export function mentionAt(text, caret) {
  const start = text.lastIndexOf("@", caret - 1);
  if (start < 0 || caret <= start || isWordLike(characterBefore(text, start))) return null;
  const query = text.slice(start + 1, caret);
  const isName = query.length <= LONGEST_QUERY && !/^\s|[\n`]|\s\s/u.test(query) && query.split(/\s/u).length <= MOST_WORDS;
  return isName ? { start, query } : null;
}

/**
 * Whom a query may mean, the likeliest first: names that begin with it, then names with a word that does, then names
 * with it anywhere; within each, the order of `people` (so give those who wrote last first).
 * @template {{id: string, name: string}} P
 * @param {string} query @param {P[]} people @param {number} [limit]
 * @returns {P[]}
 */
export function mentionCandidates(query, people, limit = 8) {
  const wanted = fold(query);
  const ranks = [[], [], []];
  for (const person of people) {
    const rank = rankOf(fold(person.name), wanted);
    if (rank >= 0) ranks[rank].push(person);
  }
  return ranks.flat().slice(0, limit);
}

function rankOf(name, wanted) {
  if (name.startsWith(wanted)) return 0;
  const place = name.indexOf(wanted);
  if (place < 0) return -1;
  const startsWord = name.split(/[\s._-]+/u).some((word) => word.startsWith(wanted));
  return startsWord || !isWordLike(characterBefore(name, place)) ? 1 : 2;
}

/** Replace what is between the @ and the caret by a name. */
export function completeMention(text, caret, { start }, name) {
  const before = `${text.slice(0, start)}@${name} `;
  return { text: before + text.slice(caret).replace(/^ /u, ""), caret: before.length };
}

/**
 * Whom a text mentions, for sending. Of several people of one name those are meant who were chosen from the list, or
 * else all of them.
 * @param {string} text @param {Array<{id: string, name: string}>} people everybody who can be mentioned
 * @param {Set<string>} [chosen] ids
 * @returns {string[]} ids, each once
 */
export function mentionIds(text, people, chosen = new Set()) {
  const namesOfChosen = new Set(people.filter(({ id }) => chosen.has(id)).map(({ name }) => fold(name)));
  const meant = people.filter(({ id, name }) => chosen.has(id) || !namesOfChosen.has(fold(name)));
  return mentionedIn(format(text, meant).blocks);
}
