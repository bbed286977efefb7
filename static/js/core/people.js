/**
 * A person's colour and initials, where there is no picture. Pure.
 */
import { lazy } from "./lazy.js";

/** How many author colours style.css has: `[data-colour="0"]` and so on. */
export const COLOURS = 8;

/** The number of the colour of the person with this id: the same everywhere, for ever. */
export function colourOf(id) {
  let hash = 2166136261; // FNV-1a
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 16777619);
  }
  return (hash >>> 0) % COLOURS;
}

/** One or two letters for a name: of its first and its last word. */
export function initialsOf(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words.slice(0, 1);
  return chosen.map(firstLetter).join("").toUpperCase();
}

const segmenter = lazy(() => new Intl.Segmenter());

function firstLetter(word) {
  if (/^[ -~](?![^ -~])/.test(word)) return word[0]; // nothing that could belong to it: no need to ask
  if (!Intl.Segmenter) return Array.from(word)[0] ?? "";
  const [first] = segmenter().segment(word);
  return first?.segment ?? "";
}
