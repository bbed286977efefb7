/**
 * Keeps the reader's place: at the end when the reader was at the end, else on the same message, whatever is added
 * above or below.
 */

const AT_BOTTOM_PX = 40; // less than a message: who is that near wants to be at the end
const NEAR_TOP_PX = 600; // about a screen: older messages are asked for before the top is reached

export class StickyScroll {
  #box;
  #isAtBottom = true;

  /**
   * @param {HTMLElement} box what scrolls
   * @param {{onMoved(isAtBottom: boolean): void, onNearTop(): void}} handlers
   */
  constructor(box, { onMoved, onNearTop }) {
    this.#box = box;
    box.addEventListener("scroll", () => {
      this.#isAtBottom = box.scrollHeight - box.clientHeight - box.scrollTop < AT_BOTTOM_PX;
      onMoved(this.#isAtBottom);
      if (box.scrollTop < NEAR_TOP_PX) onNearTop();
    }, { passive: true });
    // The on-screen keyboard, a turned phone, a growing banner: the end stays in view.
    new ResizeObserver(() => this.#isAtBottom && this.toBottom()).observe(box);
  }

  /** Whether older messages could be seen now if they were there. */
  get isNearTop() {
    return this.#box.scrollTop < NEAR_TOP_PX;
  }

  /** Show the end. */
  toBottom() {
    this.#isAtBottom = true;
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** Run a change of the content without moving what the reader sees. */
  keep(change) {
    if (this.#isAtBottom) {
      change();
      this.toBottom();
      return;
    }
    const anchor = this.#firstInView();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (!anchor?.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved !== 0) this.#box.scrollTop += moved;
  }

  /** The children stand one below the other, so the first one in view is found by halving. */
  #firstInView() {
    const top = this.#box.getBoundingClientRect().top;
    const children = this.#box.children;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (children[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    // A divider at the top may be replaced by the change; a message stays.
    while (low < children.length && children[low].localName !== "p") low += 1;
    return children[low] ?? null;
  }
}
