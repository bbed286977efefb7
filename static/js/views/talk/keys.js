/**
 * Keys in the log: arrows move between messages, Enter opens a message's menu, letters go to the composer.
 */

/**
 * @param {HTMLElement} chat
 * @param {{step(from: HTMLElement|null, step: number): void, end(step: number): void, menu(message: HTMLElement): void,
 *   remove(message: HTMLElement): void, write(): void}} does
 */
export function followKeys(chat, does) {
  chat.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const message = event.target.closest("p.message");
    const isItself = event.target === message;
    if (event.target !== chat && !isItself) {
      if (event.key === "Escape") message?.focus();
      return;
    }
    if (event.key === "ArrowUp") does.step(message, -1);
    else if (event.key === "ArrowDown") does.step(message, 1);
    else if (event.key === "Home") does.end(-1);
    else if (event.key === "End") does.end(1);
    else if (message && (event.key === "Enter" || event.key === " ")) does.menu(message);
    else if (message && event.key === "Delete") does.remove(message);
    else if (event.key === "Escape") does.write();
    else if (event.key.length === 1 && event.key !== " " && event.key !== "?") {
      does.write(); // and the letter goes there
      return;
    } else return;
    event.preventDefault();
  });
}
