/**
 * Avatar: a person's picture, or initials on the person's colour.
 */
import { colourOf, initialsOf } from "../../core/people.js";
import { make } from "./dom.js";

/**
 * @param {{id: string, name: string, colour?: number, picture?: string, sign?: string}} person sign: an icon instead of initials
 * @returns {HTMLElement} decoration: the name stands beside it
 */
export function makeAvatar(person) {
  const element = make("span", "avatar");
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
  element.replaceChildren(...(picture ? [image(picture)] : []));
}

function image(picture) {
  const element = make("img");
  element.alt = "";
  element.decoding = "async";
  element.addEventListener("error", () => element.remove()); // the initials are below it
  element.src = new URL(`pictures/${encodeURIComponent(picture)}`, document.baseURI).href;
  return element;
}
