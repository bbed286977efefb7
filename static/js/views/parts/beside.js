/**
 * Where menus, cards and pickers stand: beside what opened them, and never beyond what is seen of the page.
 */
import { isPhone, isRightToLeft } from "./dom.js";

const GAP_PX = 8;

/**
 * Keep an element that is `position: fixed` below its anchor where there is room, else above, whatever becomes of its
 * size, of the window or of the on-screen keyboard. Not on phones, which have sheets from below.
 * @param {HTMLElement} element given the class `anchored` @param {Element|{x: number, y: number}} anchor
 * @returns {{place(): void, stop(): void}} `place` again when the anchor moved
 */
export function keepBeside(element, anchor) {
  let target = null; // where the anchor was when it was last in the document
  const place = () => {
    element.classList.toggle("anchored", !isPhone());
    if (isPhone()) return Object.assign(element.style, { left: "", top: "" });
    if (!(anchor instanceof Element)) target ??= new DOMRect(anchor.x, anchor.y, 0, 0);
    else if (anchor.isConnected || !target) target = anchor.getBoundingClientRect();
    const { left, top } = placeOf(element, target);
    Object.assign(element.style, { left: `${left}px`, top: `${top}px` });
  };
  const follower = new AbortController();
  const sizes = new ResizeObserver(place);
  sizes.observe(element);
  for (const one of [window, window.visualViewport]) one?.addEventListener("resize", place, { signal: follower.signal });
  place();
  const stop = () => {
    sizes.disconnect();
    follower.abort();
  };
  return { place, stop };
}

function placeOf(element, target) {
  const { width, height } = element.getBoundingClientRect();
  const seen = whatIsSeen();
  const below = target.bottom + GAP_PX;
  const isBelow = below + height + GAP_PX <= seen.bottom;
  return {
    left: within(isRightToLeft(element) ? target.right - width : target.left, width, seen.left, seen.right),
    top: within(isBelow ? below : target.top - GAP_PX - height, height, seen.top, seen.bottom),
  };
}

const within = (at, size, from, to) => Math.max(from + GAP_PX, Math.min(at, to - size - GAP_PX));

/** The part of the page that no on-screen keyboard covers. Whoever has pinched to zoom can move to all of it. */
function whatIsSeen() {
  const viewport = window.visualViewport;
  if (!viewport || viewport.scale > 1.01) return new DOMRect(0, 0, innerWidth, innerHeight);
  return new DOMRect(viewport.offsetLeft, viewport.offsetTop, viewport.width, viewport.height);
}
