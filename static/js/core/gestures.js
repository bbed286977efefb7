/**
 * Sliding: one finger that takes something along in one direction: a message sideways, a sheet down. Any other movement is
 * none of ours: scrolling, a tap. Pure.
 */

const SLOP_PX = 10; // a finger is never quite still
const STEEPNESS = 1.5; // how much more along than across it is
const EDGE_PX = 24; // from the edges of the screen the browser's own gestures begin

const AXES = {
  right: (dx, dy) => [dx, dy],
  left: (dx, dy) => [-dx, dy],
  down: (dx, dy) => [dy, dx],
};

/** Whether a finger that is down has moved: what it does is no tap and no hold any more. */
export const hasMoved = (dx, dy) => Math.hypot(dx, dy) > SLOP_PX;

export class Slide {
  #start = null;
  #phase = "none"; // none, pressed, sliding
  #axis;
  #isSideways;
  #farEnough;
  #farthest;
  #width;
  distance = 0;

  /**
   * @param {"right"|"left"|"down"} direction
   * @param {{farEnough: number, farthest?: number, width: number}} sizes in px: from where on letting go counts, how far the
   *   thing goes along at most, how wide the screen is
   */
  constructor(direction, { farEnough, farthest = Infinity, width }) {
    this.#axis = AXES[direction];
    this.#isSideways = direction !== "down";
    this.#farEnough = farEnough;
    this.#farthest = farthest;
    this.#width = width;
  }

  /** Whether the finger is down and has not moved. */
  get isStill() {
    return this.#phase === "pressed";
  }

  get isSliding() {
    return this.#phase === "sliding";
  }

  /** Whether letting go now would count. */
  get isFarEnough() {
    return this.isSliding && this.distance >= this.#farEnough;
  }

  down(x, y) {
    this.distance = 0;
    this.#start = { x, y };
    this.#phase = "pressed";
  }

  /** @returns {boolean} whether the thing moves with the finger: by `distance`, in the direction */
  move(x, y) {
    if (this.#phase === "none") return false;
    const [along, sideways] = this.#axis(x - this.#start.x, y - this.#start.y);
    const across = Math.abs(sideways);
    if (this.#phase === "pressed") {
      if (Math.max(Math.abs(along), across) < SLOP_PX) return false;
      const isAtEdge = this.#isSideways && Math.min(this.#start.x, this.#width - this.#start.x) < EDGE_PX;
      this.#phase = along > across * STEEPNESS && !isAtEdge ? "sliding" : "none";
      if (this.#phase === "none") return false;
    }
    this.distance = Math.min(Math.max(along - SLOP_PX, 0), this.#farthest);
    return true;
  }

  /** @returns {boolean} whether it was one that counts */
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

/** Fingers on a thing that they move about and pinch, as many as there are: what each movement of one of them changes. */
export class Fingers {
  #at = new Map(); // id -> {x, y}
  #start = null;
  hasMoved = false;

  get count() {
    return this.#at.size;
  }

  down(id, x, y) {
    this.hasMoved ||= this.#at.size > 0; // two fingers are no tap
    this.#start ??= { x, y };
    this.#at.set(id, { x, y });
  }

  /** @returns {{dx: number, dy: number, factor: number, x: number, y: number}} moved so far, and made so many times as large about this point */
  move(id, x, y) {
    const before = this.#shape;
    this.#at.set(id, { x, y });
    const now = this.#shape;
    this.hasMoved ||= hasMoved(x - this.#start.x, y - this.#start.y);
    return { dx: now.x - before.x, dy: now.y - before.y, factor: before.size > 0 ? now.size / before.size : 1, x: now.x, y: now.y };
  }

  up(id) {
    this.#at.delete(id);
  }

  has(id) {
    return this.#at.has(id);
  }

  /** Their middle, and how far they are from it. */
  get #shape() {
    const all = [...this.#at.values()];
    const mean = (of) => all.reduce((sum, one) => sum + of(one), 0) / all.length;
    const x = mean((one) => one.x);
    const y = mean((one) => one.y);
    return { x, y, size: mean((one) => Math.hypot(one.x - x, one.y - y)) };
  }
}
