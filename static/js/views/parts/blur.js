/**
 * Blur: the colours of a picture before it is there.
 */
import { readThumbhash } from "../../core/thumbhash.js";
import { make } from "./dom.js";

/** @param {string} hash of core/thumbhash.js @returns {HTMLCanvasElement|string} to be put behind the picture; "" if it is none */
export function makeBlur(hash) {
  const picture = readThumbhash(hash);
  if (!picture) return "";
  const { width, height, rgba } = picture;
  const canvas = make("canvas", "blur");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("aria-hidden", "true");
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas;
}
