/**
 * Thumb: a small picture of what a message shows, beside a line of its text.
 */
import { make } from "./dom.js";
import { loadPicture } from "./picture-loader.js";

/** Show this one in a box, or none. @param {HTMLElement} box @param {string} [thumb] its address, see core/copies.js @param {object} app */
export function showThumb(box, thumb = "", app = null) {
  const before = box.querySelector(".thumb");
  if ((before?.dataset.thumb ?? "") === thumb) return;
  before?.remove();
  box.classList.toggle("pictured", thumb !== "");
  if (!thumb) return;
  const place = make("span", "thumb");
  place.dataset.thumb = thumb;
  place.setAttribute("aria-hidden", "true"); // the line says what it is
  const { element, show } = loadPicture(place, app);
  show({ src: thumb });
  place.append(element);
  box.append(place);
}
