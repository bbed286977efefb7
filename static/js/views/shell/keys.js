/**
 * Keyboard shortcuts of the whole page; the help sheet lists them. Log and composer have their own.
 */
import { onKeydown } from "../parts/dom.js";

const isWriting = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;

/**
 * @param {{help(): void, filter(): void, next(step: number, isUnreadOnly: boolean): void, isModal(): boolean,
 *   places(): Array<HTMLElement|undefined>}} does places: between which F6 goes
 */
export function followKeys(does) {
  onKeydown(window, (event) => {
    if (does.isModal()) return;
    const hasModifier = event.ctrlKey || event.metaKey;
    const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (hasModifier && event.key.toLowerCase() === "k" && !event.shiftKey && !event.altKey) does.filter();
    else if (event.altKey && !hasModifier && isArrow) does.next(event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    else if (hasModifier && event.key === "/" && !event.altKey) does.help();
    else if (event.key === "?" && !hasModifier && !isWriting(event.target)) does.help();
    else if (event.key === "F6" && !hasModifier && !event.altKey) goOn(does.places(), event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  });
}

/** From the part of the page that has the focus to the next one that can be seen: its list, its log, where one left it. */
function goOn(places, step) {
  const shown = places.filter((place) => place?.checkVisibility?.());
  const here = shown.findIndex((place) => partOf(place).contains(document.activeElement));
  const from = here < 0 && step < 0 ? 0 : here;
  const next = shown.at((from + step) % shown.length);
  const target = next?.tabIndex >= 0 ? next : next?.querySelector('[tabindex="0"], input, button');
  target?.focus({ preventScroll: true });
}

const partOf = (place) => place.closest("#rail, #chat, #composer") ?? place;
