/**
 * A person's colour and initials, where there is no picture. Pure.
 */
import { lazy } from "./lazy.js";

/** How many author colours style.css has: `[data-colour="0"]` and so on. */
export const COLOURS = 8;

const given = new Map(); // person -> colour, instead of the one that somebody else in their room has as well

/** The number of the colour of the person with this id: the same everywhere on the page, and nearly always the same for ever. */
export const colourOf = (id) => given.get(id) ?? ownColour(id);

/**
 * Give people of a room, who have not chosen a colour, each the one that fewest have there, and their own before others.
 * Who got one keeps it. @param {Array<{id: string, colour?: number}>} people
 */
export function spreadColours(people) {
  const uses = new Array(COLOURS).fill(0);
  for (const { id, colour = given.get(id) } of people) if (colour !== undefined) uses[colour] += 1;
  for (const { id, colour = given.get(id) } of people) {
    if (colour !== undefined) continue;
    const least = Math.min(...uses.slice(0, COLOURS));
    const own = ownColour(id);
    given.set(id, uses[own] === least ? own : uses.indexOf(least));
    uses[given.get(id)] += 1;
  }
}

function ownColour(id) {
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
