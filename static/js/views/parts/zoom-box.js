/**
 * Zoom box: one picture, as large as it fits, that is made larger and moved about; or something else that only fits, a video.
 */
import { albumTexts } from "../../core/album-texts.js";
import { bounded, FITTING, fitting, zoomed } from "../../core/zoom.js";
import { makeBlur } from "./blur.js";
import { make } from "./dom.js";

const DOUBLE_MS = 320;
const DOUBLE_PX = 40;
const DOUBLE = 2.5;
const SHARP = 1.3; // from there on the original is needed
const MOST_BYTES = 40_000_000; // of an original that is fetched for that

export class ZoomBox {
  #stage;
  #frame = null; // what is moved: the picture in its size
  #size = null; // of the picture, in its own px; null: it is none
  #view = FITTING;
  #tap = null;
  #original = null;

  /** @param {HTMLElement} stage the box */
  constructor(stage) {
    this.#stage = stage;
    new ResizeObserver(() => this.#place()).observe(stage);
  }

  get isLarger() {
    return this.#view.scale > 1;
  }

  /** @param {HTMLElement} element @param {import("../../core/files.js").File|null} file of a picture @param {() => string} original its address */
  show(element, file, original) {
    this.#view = FITTING;
    this.#size = file && { width: file.width, height: file.height };
    this.#original = file && file.bytes <= MOST_BYTES && !file.isAnimated ? original : null;
    this.#frame = make("div", "zoom-frame", ...(file?.blur ? [makeBlur(file.blur)] : []), element);
    element.addEventListener("load", () => this.#frame?.contains(element) && this.#frame.classList.add("loaded"));
    element.addEventListener("error", () => this.#sayProblem(element));
    this.#stage.replaceChildren(this.#frame);
    this.#place();
  }

  /** Larger or smaller, about a point of the window or the middle. */
  by(factor, { clientX, clientY } = {}) {
    if (!this.#size) return;
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    const at = clientX === undefined ? { x: 0, y: 0 } : { x: clientX - left - width / 2, y: clientY - top - height / 2 };
    this.#view = zoomed(this.#view, factor, at);
    if (this.#view.scale > SHARP) this.#sharpen();
    this.#place();
  }

  fit() {
    this.#view = FITTING;
    this.#place();
  }

  move(dx, dy) {
    this.#view = { ...this.#view, x: this.#view.x + dx, y: this.#view.y + dy };
    this.#place();
  }

  /** A finger takes it along, until it is let go. */
  pull({ x, y }) {
    this.#stage.classList.toggle("pulled", x !== 0 || y !== 0);
    if (this.#frame) this.#frame.style.translate = `${x}px ${y}px`;
  }

  /** The second of two quick taps makes it larger there, or fits it again. */
  tapped({ x, y }) {
    const now = performance.now();
    const isDouble = this.#tap && now - this.#tap.at < DOUBLE_MS && Math.hypot(x - this.#tap.x, y - this.#tap.y) < DOUBLE_PX;
    this.#tap = isDouble ? null : { at: now, x, y };
    if (!isDouble) return;
    if (this.isLarger) this.fit();
    else this.by(DOUBLE, { clientX: x, clientY: y });
  }

  /** The preview gives way to the original, once that is there. */
  #sharpen() {
    const image = this.#frame.querySelector("img");
    const address = this.#original?.();
    this.#original = null;
    if (!image || !address) return;
    const sharp = new Image();
    sharp.src = address;
    sharp.decode().then(() => (image.src = address), () => {});
  }

  #place() {
    if (!this.#frame) return;
    const box = { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
    if (!this.#size) return;
    const size = fitting(this.#size, box);
    this.#view = bounded(this.#view, size, box);
    const { scale, x, y } = this.#view;
    Object.assign(this.#frame.style, { width: `${size.width}px`, height: `${size.height}px`, transform: `translate(${x}px, ${y}px) scale(${scale})` });
    this.#stage.classList.toggle("larger", this.isLarger);
  }

  #sayProblem(element) {
    if (!this.#frame.contains(element)) return;
    element.replaceWith(make("div", "zoom-problem", albumTexts.notShown));
  }
}
