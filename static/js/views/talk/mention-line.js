/**
 * Mention line above the field: whom the text will tell, as it is being written. A name behind an @ that is not said here is
 * only text.
 */
import { laterTexts } from "../../core/later-texts.js";
import { EVERYBODY, mentionIds } from "../../core/mentions.js";
import { make } from "../parts/dom.js";

const MOST_NAMES = 3;

export class MentionLine {
  #text = make("bdi");
  #element = make("div", "mention-line", this.#text);
  #suggestions;
  #said = "";

  /** @param {HTMLElement} parent @param {import("./suggestions.js").Suggestions} suggestions who can be mentioned */
  constructor(parent, suggestions) {
    this.#suggestions = suggestions;
    this.#element.setAttribute("role", "status");
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show whom this text mentions. */
  show(text) {
    const said = text.includes("@") ? this.#sentence(text) : "";
    if (said === this.#said) return;
    this.#said = said;
    this.#element.hidden = said === "";
    this.#text.textContent = said;
  }

  #sentence(text) {
    const { people, chosen } = this.#suggestions;
    const ids = mentionIds(text, people, chosen);
    if (ids.length === 0) return "";
    const names = new Map(people.map(({ id, name }) => [id, id === EVERYBODY ? laterTexts.everybody : name]));
    return laterTexts.mentionTells(ids.slice(0, MOST_NAMES).map((id) => names.get(id)), Math.max(0, ids.length - MOST_NAMES));
  }
}
