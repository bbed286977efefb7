/**
 * Keyboard shortcuts of the whole page; the help sheet lists them. Log and composer have their own.
 */

const isWriting = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;

/** @param {{help(): void, filter(): void, next(step: number, isUnreadOnly: boolean): void, closeSide(): boolean}} does */
export function followKeys(does) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const hasModifier = event.ctrlKey || event.metaKey;
    const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (hasModifier && event.key.toLowerCase() === "k" && !event.shiftKey && !event.altKey) does.filter();
    else if (event.altKey && !hasModifier && isArrow) does.next(event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    else if (event.key === "?" && !hasModifier && !isWriting(event.target)) does.help();
    else if (!(event.key === "Escape" && does.closeSide())) return;
    event.preventDefault();
  });
}
