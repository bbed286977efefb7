/**
 * Zoom: how a picture stands in its box, so many times as large as what fits, and moved so far from the middle. Pure.
 *
 * @typedef {{scale: number, x: number, y: number}} View x and y in px
 * @typedef {{width: number, height: number}} Size in px
 */

/** The picture as it fits. @type {View} */
export const FITTING = Object.freeze({ scale: 1, x: 0, y: 0 });

const LARGEST = 8;

/** The size of a picture that fits into a box. @param {Size} picture @param {Size} box @returns {Size} */
export function fitting(picture, box) {
  const scale = Math.min(box.width / picture.width, box.height / picture.height) || 0;
  return { width: picture.width * scale, height: picture.height * scale };
}

/**
 * Larger or smaller about a point, which stays where it is.
 * @param {View} view @param {number} factor @param {{x: number, y: number}} at from the middle of the box @returns {View}
 */
export function zoomed(view, factor, at) {
  const scale = Math.min(LARGEST, Math.max(1, view.scale * factor));
  const ratio = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio };
}

/** Moved, but not so far that there is more room beside it than there must be. @param {Size} size as it fits @param {Size} box */
export function bounded({ scale, x, y }, size, box) {
  const within = (value, length, room) => {
    const most = Math.max(0, (length * scale - room) / 2);
    return Math.min(most, Math.max(-most, value));
  };
  return { scale, x: within(x, size.width, box.width), y: within(y, size.height, box.height) };
}
