/**
 * Touch: the one place that follows fingers. The page has one finger, and one press of it means one thing: a tap (then the
 * browser clicks), a hold, a slide, or scrolling and zooming, which are the browser's. Whatever is touched says by
 * `followTouch` what a hold or a slide of it does; the right mouse button and the menu key are a hold as well. A mouse
 * selects text as ever. What is grabbed has the whole press, from its beginning, of a finger or a mouse.
 *
 * When a press has meant something, what the browser makes of it afterwards is nobody's, wherever on the page it lands: the
 * click of the lifted finger falls on what has opened below it.
 */
import { Fingers, hasMoved, Slide } from "../../core/gestures.js";
import { isRightToLeft } from "./dom.js";

const HOLD_MS = 450; // before Android's own long press selects a word
const AFTERMATH_MS = 700; // how long after lifting the finger browsers still send a click
const DOUBLE_MS = 350;
const DOUBLE_PX = 30;
const FLING_MS = 100; // a list that moved so recently is still moving
const FIELDS = "input, textarea, select, [contenteditable]"; // there fingers move the caret and select
const OWN_SWIPES = `${FIELDS}, button, video, audio, .code-block, .folded`; // what scrolls sideways, or is unfolded there
const PARTS = "dialog, aside, nav, main";

const SIDEWAYS = { farEnough: 52, farthest: 72 };
const DOWN = { farEnough: 72 };

/**
 * @typedef {object} Rule what touching does
 * @property {string} [selector] which descendants of the box are touched; none: the box itself
 * @property {(element: HTMLElement, at: {x: number, y: number}) => void} [onHold]
 * @property {(element: HTMLElement) => void} [onSwipe] sideways, in the reading direction; the element is shown moving
 * @property {(distance: number) => void} [onDrag] down, while the finger moves; 0 when it ends
 * @property {() => void} [onDragged] it was far enough
 * @property {(event: PointerEvent) => boolean} [mayDrag] where a drag may begin
 * @property {(element: HTMLElement, at: Point) => Grab|null} [onGrab] it is pressed; null: that is a press like any other
 * @property {(change: object|null, isTap: boolean, at: {x: number, y: number}) => void} [onFingers] all of them, and a mouse that is
 *   pressed: what they change (see `Fingers`); null when the last has gone, which was a tap if nothing was moved. Style: `touch-action: none`
 *
 * @typedef {{x: number, y: number}} Point in the window
 * @typedef {object} Grab
 * @property {(at: Point) => void} move @property {(isTaken: boolean) => void} end of the press; isTaken: by the browser or the system
 */

const rules = new Set();

/** @param {HTMLElement} box @param {Rule} rule @returns {() => void} ends it; needed where the box goes before the page */
export function followTouch(box, rule) {
  const kept = { ...rule, box };
  rules.add(kept);
  finger ??= new Finger();
  return () => rules.delete(kept);
}

/** The innermost element around the target that takes this gesture. */
function find(target, what) {
  for (let element = target; element; element = element.parentElement) {
    for (const rule of rules) {
      if (!rule[what] || !rule.box.contains(element)) continue;
      if (rule.selector ? element.matches(rule.selector) : element === rule.box) return { rule, element };
    }
  }
  return null;
}

/** Select the text of a message, for copying a part of it: what a long press does elsewhere. */
export function selectText(element) {
  element.classList.add("selectable"); // see parts.css: fingers do not select by chance
  getSelection().selectAllChildren(element);
  const whenGone = new AbortController();
  document.addEventListener("selectionchange", () => {
    if (hasSelectionIn(element)) return;
    element.classList.remove("selectable");
    whenGone.abort();
  }, whenGone);
}

let finger = null;

class Finger {
  #press = null; // {x, y, hold, timer, swipe, drag}, or {grab}
  #spentUntil = 0; // what follows of the same press until then (a click, a context menu) is none
  #isFlung = false; // the browser has taken a finger for scrolling, and what it scrolls may still move
  #scrolledAt = 0;
  #several = null; // {rule, fingers}: all fingers on what follows them all
  #clicked = null; // the click before: {at, x, y, part}

  constructor() {
    const listen = (type, handle, options) => addEventListener(type, handle, { capture: true, ...options });
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#moveSeveral(event) || this.#move(event));
    listen("pointerup", (event) => this.#liftSeveral(event, true) || (event.isPrimary && this.#up()));
    listen("pointercancel", (event) => this.#liftSeveral(event, false) || this.#taken(event));
    listen("blur", ({ target }) => target === window && this.#cancel());
    listen("scroll", ({ timeStamp }) => (this.#scrolledAt = timeStamp), { passive: true });
    listen("scrollend", () => (this.#isFlung = false));
    // With it goes all that the browser makes of a touch: mouse events, focus, click.
    listen("touchend", (event) => this.#isSpent && event.cancelable && event.preventDefault(), { passive: false });
    listen("click", (event) => this.#click(event));
    listen("contextmenu", (event) => this.#contextMenu(event));
    listen("dragstart", (event) => (this.#press || this.#isSpent) && event.preventDefault());
  }

  get #isSpent() {
    return performance.now() < this.#spentUntil;
  }

  /** The press has meant something: the rest of it is nobody's, until it ends and a little longer. */
  #spend(isDown) {
    this.#spentUntil = isDown ? Infinity : performance.now() + AFTERMATH_MS;
    document.documentElement.classList.toggle("held", isDown); // see parts.css: what lies below does not scroll
  }

  #downSeveral({ target, button, pointerId, clientX, clientY }) {
    const found = button === 0 && target instanceof Element && !target.closest(OWN_SWIPES) ? find(target, "onFingers") : null;
    if (!found) return false;
    this.#several ??= { rule: found.rule, fingers: new Fingers() };
    this.#several.fingers.down(pointerId, clientX, clientY);
    return true;
  }

  #moveSeveral({ pointerId, clientX, clientY }) {
    if (!this.#several?.fingers.has(pointerId)) return false;
    const { rule, fingers } = this.#several;
    rule.onFingers(fingers.move(pointerId, clientX, clientY), false);
    return true;
  }

  #liftSeveral({ pointerId, clientX: x, clientY: y }, isLifted) {
    if (!this.#several?.fingers.has(pointerId)) return false;
    const { rule, fingers } = this.#several;
    fingers.up(pointerId);
    if (fingers.count > 0) return true;
    this.#several = null;
    rule.onFingers(null, isLifted && !fingers.hasMoved, { x, y });
    return true;
  }

  #down(event) {
    this.#cancel();
    if (this.#downSeveral(event)) return;
    if (!event.isPrimary) return; // a second finger zooms
    if (this.#spentUntil > 0) this.#spend(false);
    this.#spentUntil = 0;
    const { target, clientX: x, clientY: y } = event;
    if (!(target instanceof Element)) return;
    const grab = event.button === 0 && this.#grab(target, event);
    if (grab) this.#press = { grab };
    if (grab || event.pointerType === "mouse") return;
    if (this.#isFlung && event.timeStamp - this.#scrolledAt < FLING_MS) return; // it stops what moves
    const hold = target.closest(FIELDS) ? null : find(target, "onHold");
    if (hold && hasSelectionIn(hold.element)) return; // it moves the ends of the selection
    const swipe = target.closest(OWN_SWIPES) ? null : find(target, "onSwipe");
    if (swipe) swipe.slide = slide(isRightToLeft(swipe.rule.box) ? "left" : "right", SIDEWAYS, x, y);
    let drag = find(target, "onDrag");
    if (drag?.rule.mayDrag(event)) drag.slide = slide("down", DOWN, x, y);
    else drag = null;
    if (!hold && !swipe && !drag) return;
    const timer = hold && setTimeout(() => this.#hold(), HOLD_MS);
    this.#press = { x, y, hold, timer, swipe, drag };
  }

  #grab(target, { pointerId, clientX: x, clientY: y }) {
    const found = find(target, "onGrab");
    const grab = found?.rule.onGrab(found.element, { x, y }) ?? null;
    if (grab) found.element.setPointerCapture(pointerId); // or a mouse could leave the window
    return grab;
  }

  #move({ isPrimary, clientX, clientY }) {
    const press = this.#press;
    if (!press || !isPrimary) return;
    if (press.grab) return press.grab.move({ x: clientX, y: clientY });
    if (hasMoved(clientX - press.x, clientY - press.y)) clearTimeout(press.timer);
    const { swipe, drag } = press;
    const wasFarEnough = swipe?.slide.isFarEnough;
    if (swipe?.slide.move(clientX, clientY)) {
      showSwipe(swipe.element, swipe.slide);
      if (swipe.slide.isFarEnough && !wasFarEnough) navigator.vibrate?.(8);
    } else if (drag?.slide.move(clientX, clientY)) {
      drag.rule.onDrag(drag.slide.distance);
    }
  }

  #up() {
    const { grab, swipe, drag } = this.#press ?? {};
    if (grab) {
      this.#press = null;
      this.#spend(false);
      return grab.end(false);
    }
    const isSlide = swipe?.slide.isSliding || drag?.slide.isSliding;
    if (isSlide || this.#spentUntil === Infinity) this.#spend(false);
    const isSwipe = swipe?.slide.isFarEnough;
    const isDrag = drag?.slide.isFarEnough;
    this.#cancel();
    if (isSwipe) swipe.rule.onSwipe(swipe.element);
    if (isDrag) drag.rule.onDragged();
  }

  /** The browser has taken the finger, for scrolling or zooming. */
  #taken(event) {
    this.#isFlung = event.pointerType === "touch";
    if (event.isPrimary && this.#spentUntil === Infinity) this.#spend(false);
    this.#cancel();
  }

  /** The finger has rested. @returns {boolean} whether that means something */
  #hold() {
    const { hold, swipe, drag, x, y } = this.#press;
    if (!hold || swipe?.slide.isSliding || drag?.slide.isSliding) return false;
    this.#cancel();
    this.#spend(true);
    if (hold.element.isConnected) hold.rule.onHold(hold.element, { x, y });
    return true;
  }

  #cancel() {
    const press = this.#press;
    this.#press = null;
    if (!press) return;
    clearTimeout(press.timer);
    const { grab, swipe, drag } = press;
    if (grab) grab.end(true);
    if (swipe) endSwipe(swipe.element);
    if (drag?.slide.isSliding) drag.rule.onDrag(0);
  }

  #click(event) {
    if (event.detail === 0) return; // by the keyboard, or by a program
    const { clientX: x, clientY: y, timeStamp: at, target } = event;
    const before = this.#clicked;
    const isDouble = before && (event.detail > 1 || event.pointerType === "touch") && at - before.at < DOUBLE_MS
      && Math.hypot(x - before.x, y - before.y) < DOUBLE_PX;
    const part = isDouble ? before.part : target.closest(PARTS);
    this.#clicked = { at, x, y, part };
    // The second of two quick presses was meant for what the first one was on, not for what has opened there.
    if (!this.#isSpent && part === target.closest(PARTS)) return;
    this.#spentUntil = 0;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #contextMenu(event) {
    if (this.#press ? this.#press.grab || (this.#press.hold && this.#hold()) : this.#isSpent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const { target } = event;
    const found = target.closest(FIELDS) ? null : find(target, "onHold");
    if (!found || this.#press || hasSelectionIn(found.element)) return;
    const link = target.closest("a[href]");
    if (link && link !== found.element && found.element.contains(link)) return; // open it elsewhere, copy its address
    event.preventDefault();
    found.rule.onHold(found.element, placeOf(event, found.element));
  }
}

function slide(direction, sizes, x, y) {
  const made = new Slide(direction, { ...sizes, width: innerWidth });
  made.down(x, y);
  return made;
}

function showSwipe(element, { isFarEnough, distance }) {
  element.classList.add("swiping");
  element.classList.toggle("far-enough", isFarEnough);
  element.style.setProperty("--swiped", `${distance}px`);
}

function endSwipe(element) {
  element.classList.remove("swiping", "far-enough");
  element.style.removeProperty("--swiped");
}

function hasSelectionIn(element) {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(element, true);
}

/** The menu key has no place of its own. */
function placeOf(event, element) {
  if (event.pointerType || event.clientX || event.clientY) return { x: event.clientX, y: event.clientY };
  const { left, bottom } = (element.querySelector(".bubble") ?? element).getBoundingClientRect();
  return { x: left, y: bottom };
}
