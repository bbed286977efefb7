/**
 * Card of a file: what sort it is, its name, its size; a press saves it. It may stand in a message, so what it says are labels.
 */
import { albumTexts } from "../../core/album-texts.js";
import { endingOf, sizeText, sortOf } from "../../core/file-facts.js";
import { icon, make } from "./dom.js";

/** @param {import("../../core/files.js").File} file @param {string|null} address by which it is saved; null: not yet @returns {HTMLElement} */
export function makeCard(file, address) {
  const size = sizeText(file.bytes);
  const card = make(address === null ? "span" : "a", "file-card");
  const label = (className, text) => {
    const element = make("span", className);
    element.dataset.label = text;
    return element;
  };
  const sign = label("file-sign", endingOf(file));
  sign.dataset.sort = sortOf(file);
  if (!endingOf(file)) sign.append(icon("file"));
  const name = label("file-name", file.name);
  name.dir = "auto";
  card.append(sign, make("span", "file-about", name, label("file-size", size)));
  if (address === null) {
    card.setAttribute("role", "img");
    card.setAttribute("aria-label", albumTexts.waiting(file.name, size));
    return card;
  }
  Object.assign(card, { href: address, download: file.name, title: file.name });
  card.setAttribute("aria-label", albumTexts.save(file.name, size));
  card.append(icon("save"));
  return card;
}
