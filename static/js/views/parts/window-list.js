/**
 * Windowed list: of a long list some hundred items around the reader are in the document. Keeps the reader's place: at
 * the end when the reader was at the end, else on the same item, whatever is added above or below.
 *
 * @typedef {{kind: string, key: string}} Item an item with a key known from before is the same thing, perhaps changed
 */
import { around, atEnd, afterChange, moreAbove, moreBelow } from "../../core/slice.js";

const AT_BOTTOM_PX = 40; // less than a message: who is that near wants to be at the end
const NEAR_SCREENS = 2; // how far before its end the slice moves on

export class WindowList {
  #box;
  #make;
  #handlers;
  #items = [];
  #slice = { from: 0, to: 0 };
  #shown = new Map(); // key -> {element, item}
  #isAtBottom = true;
  #isEnd = true; // of everything, not of a piece in the middle
  #height = 0; // of the box, as it was when it was seen last

  /**
   * @param {HTMLElement} box what scrolls, and holds the items' elements as its only children
   * @param {(item: Item) => {create(item): HTMLElement, update(element: HTMLElement, item, before): void}} make by kind
   * @param {object} handlers
   * @param {(isAtBottom: boolean) => void} handlers.onMoved
   * @param {() => void} handlers.onNearTop the reader is near the first of all items
   * @param {() => void} [handlers.onNearEnd] the reader is near the last of all items
   */
  constructor(box, make, { onMoved, onNearTop, onNearEnd = () => {} }) {
    this.#box = box;
    this.#make = make;
    this.#handlers = { onMoved, onNearTop, onNearEnd };
    box.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    // The on-screen keyboard, a turned phone, a growing banner: the end stays in view.
    new ResizeObserver(() => this.#onResize()).observe(box);
  }

  /** Whether the end of the list is in view. */
  get isAtBottom() {
    return this.#isAtBottom;
  }

  /** Whether the first of all items is hardly a screen away. */
  get isNearTop() {
    return this.#slice.from === 0 && this.#box.scrollTop < this.#box.clientHeight;
  }

  /**
   * Show these items, all there are. The objects of unchanged items should be the same as before.
   * @param {Item[]} items @param {boolean} [isEnd] false: newer ones are still to be loaded, and the end of these is no
   *   place to stay at
   */
  show(items, isEnd = true) {
    this.#isEnd = isEnd;
    if (!isEnd) this.#setAtBottom(false);
    const isFirst = this.#items.length === 0;
    const slice = afterChange(this.#slice, this.#items, items, this.#isAtBottom);
    this.#keep(() => this.#draw(items, slice));
    if (isFirst) requestAnimationFrame(() => setTimeout(() => this.#drawMore())); // once they can be seen
    else this.#moveOn();
  }

  /** Show other items, as after a change of the room, at their end. */
  replace(items) {
    for (const { element } of this.#shown.values()) element.remove();
    this.#shown.clear();
    this.#items = [];
    this.#isEnd = true;
    this.#isAtBottom = true;
    this.#draw(items, atEnd(items.length));
    this.toBottom();
    this.#onScroll();
  }

  /** Change elements of the list, where the reader keeps the place. */
  change(change) {
    this.#keep(change);
  }

  /** Bring an item to a place that it had on the screen (`place`). */
  moveTo({ key, offset }) {
    const element = this.#bring(key);
    if (element) this.#box.scrollTop += this.#topOf(element) - offset;
    this.#onScroll();
  }

  /** Where the reader is, for `moveTo`: null at the end. */
  get place() {
    const element = this.#isAtBottom ? null : this.#firstInView();
    if (!element) return null;
    const [key] = [...this.#shown].find(([, shown]) => shown.element === element);
    return { key, offset: this.#topOf(element) };
  }

  /** Show the end. */
  toBottom() {
    if (this.#slice.to < this.#items.length) this.#draw(this.#items, atEnd(this.#items.length));
    this.#setAtBottom(true);
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** Bring an item to the middle of the screen. @returns {HTMLElement|null} its element */
  reveal(key) {
    const element = this.#bring(key);
    element?.scrollIntoView({ block: "center" });
    this.#onScroll();
    return element;
  }

  /** The element of an item, if it is on the page. */
  elementOf(key) {
    return this.#shown.get(key)?.element ?? null;
  }

  #bring(key) {
    const index = this.#items.findIndex((item) => item.key === key);
    if (index < 0) return null;
    if (!this.#shown.has(key)) this.#draw(this.#items, around(index, this.#items.length));
    this.#setAtBottom(false);
    return this.elementOf(key);
  }

  #onResize() {
    this.#height = this.#box.clientHeight;
    if (this.#isAtBottom) this.toBottom();
  }

  #onScroll() {
    // A scroll event may come before that of a new size: it is not the reader who left the end.
    if (this.#box.clientHeight !== this.#height) this.#onResize();
    const isAtEnd = this.#isEnd && this.#slice.to === this.#items.length;
    this.#setAtBottom(isAtEnd && this.#below < AT_BOTTOM_PX);
    this.#moveOn();
  }

  #setAtBottom(isAtBottom) {
    const isChange = isAtBottom !== this.#isAtBottom;
    this.#isAtBottom = isAtBottom;
    // Only what comes while one reads the end is news. What appears while one scrolls must not be read out.
    if (this.#box.getAttribute("aria-live")) this.#box.setAttribute("aria-live", isAtBottom ? "polite" : "off");
    if (isChange) this.#handlers.onMoved(isAtBottom);
  }

  /** What is not in view yet below. */
  get #below() {
    return this.#box.scrollHeight - this.#box.clientHeight - this.#box.scrollTop;
  }

  /** What was not drawn at first. It is older, so a screen reader must not read it out. */
  #drawMore() {
    const { ariaBusy } = this.#box;
    this.#box.ariaBusy = "true";
    this.#moveOn();
    setTimeout(() => (this.#box.ariaBusy = ariaBusy));
  }

  /** Move the slice when the reader comes near one of its ends; ask for more when that is the end of everything. */
  #moveOn() {
    const near = this.#box.clientHeight * NEAR_SCREENS;
    const count = this.#items.length;
    if (this.#box.scrollTop < near) {
      if (this.#slice.from > 0) this.#keep(() => this.#draw(this.#items, moreAbove(this.#slice)));
      else this.#handlers.onNearTop();
    }
    if (this.#below < near) {
      if (this.#slice.to < count) this.#keep(() => this.#draw(this.#items, moreBelow(this.#slice, count)));
      else this.#handlers.onNearEnd();
    }
  }

  /** Bring the children in line with this slice of the items, touching only what changed. */
  #draw(items, slice) {
    this.#items = items;
    this.#slice = slice;
    const wanted = items.slice(slice.from, slice.to);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { element }] of this.#shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.#shown.delete(key);
    }
    let place = this.#box.firstChild;
    for (const item of wanted) {
      const element = this.#elementFor(item);
      if (element === place) place = place.nextSibling;
      else this.#box.insertBefore(element, place);
    }
  }

  #elementFor(item) {
    const shown = this.#shown.get(item.key);
    const { create, update } = this.#make(item);
    if (!shown) {
      const element = create(item);
      this.#shown.set(item.key, { element, item });
      return element;
    }
    if (shown.item !== item) update(shown.element, item, shown.item);
    shown.item = item;
    return shown.element;
  }

  /** Run a change of the content without moving what the reader sees. */
  #keep(change) {
    if (this.#isAtBottom) {
      change();
      this.#box.scrollTop = this.#box.scrollHeight;
      return;
    }
    const anchor = this.#firstInView();
    const before = anchor ? this.#topOf(anchor) : 0;
    change();
    if (!anchor?.isConnected) return;
    const moved = this.#topOf(anchor) - before;
    if (moved !== 0) this.#box.scrollTop += moved;
  }

  #topOf(element) {
    return element.getBoundingClientRect().top - this.#box.getBoundingClientRect().top;
  }

  /** The children stand one below the other, so the first one in view is found by halving. */
  #firstInView() {
    const { children } = this.#box;
    let low = 0;
    let high = children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#topOf(children[middle]) + children[middle].offsetHeight > 0) high = middle;
      else low = middle + 1;
    }
    // A divider at the top may be replaced by the change; a message stays.
    while (low < children.length && children[low].localName !== "p") low += 1;
    return children[low] ?? null;
  }
}
