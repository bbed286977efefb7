/**
 * Avatar: the picture of a person or a room, or initials on a colour.
 */
import { colourOf, initialsOf } from "../../core/people.js";
import { make } from "./dom.js";

/**
 * @param {{id: string, name: string, colour?: number, picture?: string, sign?: string}} person picture: its name, of a room its
 *   address; sign: an icon instead of initials
 * @returns {HTMLElement} decoration: the name stands beside it
 */
export function makeAvatar(person, className = "") {
  const element = make("span", `avatar ${className}`);
  element.setAttribute("aria-hidden", "true");
  updateAvatar(element, person);
  return element;
}

/** Show this person, or what changed. */
export function updateAvatar(element, { id, name, colour, picture = "", sign = "" }) {
  element.dataset.colour = colour ?? colourOf(id);
  element.dataset.initials = sign ? "" : initialsOf(name);
  element.dataset.sign = sign;
  if ((element.dataset.picture ?? "") === picture) return;
  element.dataset.picture = picture;
  element.replaceChildren(...(picture ? [image(picture, element.matches(".huge, .portrait") ? 256 : 96)] : []));
}

/** Where a picture is. @param {number} size in px: 96, 256, or 0 for as large as it is */
export const pictureAddress = (picture, size) =>
  new URL(`${picture.includes("/") ? "" : "pictures/"}${picture}${size ? `?size=${size}` : ""}`, document.baseURI).href;

function image(picture, size) {
  const element = make("img");
  element.alt = "";
  element.decoding = "async";
  element.addEventListener("error", () => element.remove()); // the initials are below it
  element.src = pictureAddress(picture, size);
  return element;
}
