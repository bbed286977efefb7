/**
 * Saving: the browser keeps what is at an address as a file.
 */
import { make } from "./dom.js";

/** @param {string} address @param {string} name */
export function saveFile(address, name) {
  const link = make("a");
  Object.assign(link, { href: address, download: name });
  link.click();
}
