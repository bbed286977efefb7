/**
 * Gestures of one finger on a message: a swipe along the reading direction, or none of ours (scrolling, a tap). Pure.
 */

const SLOP_PX = 10; // a finger is never quite still
const STEEPNESS = 1.5; // how much more sideways than down a swipe is
const FAR_ENOUGH_PX = 52;
const FARTHEST_PX = 72;
const EDGE_PX = 24; // from the edge of the screen the browser's own gestures begin

export class Swipe {
  #start = null;
  #phase = "none"; // none, pressed, swiping
  #sign;
  #width;
  distance = 0;

  /** @param {{isRtl: boolean, width: number}} screen */
  constructor({ isRtl, width }) {
    this.#sign = isRtl ? -1 : 1;
    this.#width = width;
  }

  /** Whether the finger is down and has not moved. */
  get isStill() {
    return this.#phase === "pressed";
  }

  get isSwiping() {
    return this.#phase === "swiping";
  }

  /** Whether letting go now would count. */
  get isFarEnough() {
    return this.isSwiping && this.distance >= FAR_ENOUGH_PX;
  }

  down(x, y) {
    this.distance = 0;
    this.#start = { x, y };
    this.#phase = "pressed";
  }

  /** @returns {boolean} whether the message moves with the finger: by `distance`, in the reading direction */
  move(x, y) {
    if (this.#phase === "none") return false;
    const along = (x - this.#start.x) * this.#sign;
    const across = Math.abs(y - this.#start.y);
    if (this.#phase === "pressed") {
      if (Math.max(Math.abs(along), across) < SLOP_PX) return false;
      const isAtEdge = Math.min(this.#start.x, this.#width - this.#start.x) < EDGE_PX;
      this.#phase = along > across * STEEPNESS && !isAtEdge ? "swiping" : "none";
      if (this.#phase === "none") return false;
    }
    this.distance = Math.min(Math.max(along - SLOP_PX, 0), FARTHEST_PX);
    return true;
  }

  /** @returns {boolean} whether it was a swipe that counts */
  up() {
    const counts = this.isFarEnough;
    this.cancel();
    return counts;
  }

  /** The browser has taken the finger for scrolling, or it means something else by now. */
  cancel() {
    this.#phase = "none";
    this.distance = 0;
  }
}
