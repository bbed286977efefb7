/**
 * Matcher for mentions: finds people's names behind an @ in a text. Pure; each @ costs at most the length of the
 * longest name.
 */
import { characterAt, characterBefore, fold, isWordLike } from "./fold.js";

/**
 * What finds the names of these people. One person may be listed under several names (old ones), and one name may
 * belong to several people.
 */
export class NameMatcher {
  #root = new Map();

  /** @param {Array<{id: string, name: string}>} people */
  constructor(people) {
    for (const { id, name } of people) {
      if (!name) continue;
      let node = this.#root;
      for (const character of name) node = childOf(node, fold(character));
      const ids = node.get(IDS) ?? [];
      if (!ids.includes(id)) node.set(IDS, [...ids, id]);
    }
  }

  /** Whether there is no name to find. */
  get isEmpty() {
    return this.#root.size === 0;
  }

  /**
   * The longest name that stands behind the @ at this index.
   * @returns {{end: number, ids: string[]}|null}
   */
  match(text, index) {
    if (isWordLike(characterBefore(text, index))) return null; // a mail address
    let node = this.#root;
    let found = null;
    for (let end = index + 1; ; ) {
      const character = characterAt(text, end);
      const ids = node.get(IDS);
      if (ids && !isWordLike(character) && !goesOn(text, end)) found = { end, ids };
      node = character && childOf(node, fold(character), false);
      if (!node) return found;
      end += character.length;
    }
  }
}

const IDS = Symbol("ids");

/** Whether the name is only the beginning of a longer word here: `@all-hands`, `@bob_smith`, `@bob.smith@example.com`. */
function goesOn(text, end) {
  INSIDE_OF_WORDS.lastIndex = end;
  return INSIDE_OF_WORDS.test(text) && isWordLike(characterAt(text, INSIDE_OF_WORDS.lastIndex));
}

const INSIDE_OF_WORDS = /_{1,9}|[-.:/@+=&‐‑·]/uy;

/** An accent that is a character of its own folds to nothing and leads nowhere else. */
function childOf(node, folded, isMade = true) {
  if (folded === "") return node;
  if (isMade && !node.has(folded)) node.set(folded, new Map());
  return node.get(folded);
}
