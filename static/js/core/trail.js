/**
 * The trail: how what is on the screen stands in the browser's history, so that Back takes away the topmost thing. Pure.
 *
 * Its places are the list of rooms (on a phone) and rooms; above a place there is an entry for each layer that is open
 * (dialog, menu, panel). The history is brought in line with the screen step by step, since going back in it takes time.
 *
 * @typedef {{index: number, base: number, screen: "list"|"room", room: string|null, isOverList: boolean}} Entry what the
 *   history keeps for one of its entries: its number, that of its place, and what is there
 * @typedef {{screen: "list"|"room", room: string, layers: number, isPhone: boolean, isSamePlace: boolean}} Wanted
 *   isSamePlace: the room takes the place of the one before it
 */

/** Whether this is the state of an entry of ours. */
export const isEntry = (state) => Number.isInteger(state?.index) && Number.isInteger(state.base) && ["list", "room"].includes(state.screen);

const place = (index, { screen, room }, isOverList = false) =>
  ({ index, base: index, screen, room: screen === "list" ? null : room, isOverList });

/**
 * The next step from the entry where the history is to what is wanted; null: it is there.
 * @param {Entry|null} entry null: the page was just opened @param {Wanted} wanted
 * @returns {{push: Entry}|{replace: Entry}|{go: number}|null}
 */
export function nextStep(entry, wanted) {
  const { screen, room, layers, isPhone, isSamePlace } = wanted;
  // Behind the first room on a phone is the list.
  if (!entry) return { replace: place(0, { screen: isPhone ? "list" : screen, room }) };
  const depth = entry.index - entry.base;
  const isThere = entry.screen === screen && (screen === "list" || entry.room === room);
  if (isThere && depth === layers) return null;
  if (isThere && depth < layers) return { push: { ...entry, index: entry.index + 1 } };
  if (depth > 0) return { go: isThere ? layers - depth : -depth };
  if (screen === "list") return entry.isOverList ? { go: -1 } : { replace: place(entry.index, wanted) };
  if (entry.screen === "list") return { push: place(entry.index + 1, wanted, true) };
  if (isPhone || isSamePlace) return { replace: place(entry.index, wanted, entry.isOverList) };
  return { push: place(entry.index + 1, wanted) };
}
