/**
 * The slice of a long list that is in the document: contiguous, and it follows the reader. Pure arithmetic.
 *
 * @typedef {{from: number, to: number}} Slice the items from `from` on, before `to`
 */

/** How many items it begins with, has at most, and moves by: see docs/decisions/windowed-list.md. */
export const START = 120;
export const MOST = 300;
export const STEP = 60;

/** How many are drawn first, the others a frame later: a phone's screen at a tenth of the work. */
export const FIRST = 12;

const clamp = (from, to, count) => ({ from: Math.max(0, from), to: Math.min(count, to) });

/** The end of the list. */
export const atEnd = (count) => clamp(count - START, count, count);

/** The surroundings of an item. */
export function around(index, count) {
  const from = Math.max(0, Math.min(index - START / 2, count - START));
  return clamp(from, from + START, count);
}

/** More items above, and fewer below if there are too many. */
export const moreAbove = ({ from, to }) => clamp(from - STEP, Math.min(to, Math.max(0, from - STEP) + MOST), Infinity);

/** More items below, and fewer above if there are too many. */
export function moreBelow({ from, to }, count) {
  const end = Math.min(count, to + STEP);
  return clamp(Math.max(from, end - MOST), end, count);
}

/**
 * The slice after the list has changed.
 * @param {Slice} slice @param {{key: string}[]} before the list it was a slice of
 * @param {{key: string}[]} after
 * @param {boolean} follows whether the reader is at the end and wants to stay there
 * @returns {Slice}
 */
export function afterChange(slice, before, after, follows) {
  const count = after.length;
  if (before.length === 0) return clamp(count - FIRST, count, count);
  const from = firstKept(slice, before, after);
  if (from === null) return atEnd(count);
  // At the end, not one goes above for each that comes below.
  if (follows) return count - from > MOST + STEP ? atEnd(count) : { from, to: count };
  const wasAtEnd = slice.to === before.length;
  const last = wasAtEnd ? count : (placeOf(before, slice.to - 1, after) ?? count - 1) + 1;
  return clamp(from, Math.min(Math.max(last, from + 1), from + Math.max(MOST, slice.to - slice.from)), count);
}

/** Where in `after` the first item of the slice is that is still there. */
function firstKept({ from, to }, before, after) {
  for (let index = from; index < to; index += 1) {
    const place = placeOf(before, index, after);
    if (place !== null) return place;
  }
  return null;
}

/** Where the item is now; it is mostly where it was, or as far from the end as it was. */
function placeOf(before, index, after) {
  const key = before[index]?.key;
  if (key === undefined) return null;
  for (const guess of [index, index + after.length - before.length]) if (after[guess]?.key === key) return guess;
  const place = after.findIndex((item) => item.key === key);
  return place < 0 ? null : place;
}
