/**
 * Reactions to a message: each emoji with the number of people; a press adds or removes one's own.
 */
import { texts } from "../../core/texts.js";
import { make, pressable } from "../parts/dom.js";

/** @param {object} item of the timeline @param {object} does see message.js @returns {HTMLElement} */
export function makeReactions(item, does) {
  const list = make("span", "reactions", ...item.message.reactions.map((reaction) => chip(item, reaction, does)));
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", texts.talkReactions);
  return list;
}

function chip(item, { emoji, count, isMine, people }, does) {
  const element = pressable("reaction", "", () => does.onReact(item, emoji, !isMine));
  element.dataset.emoji = emoji;
  element.dataset.count = texts.talkCount(count);
  element.setAttribute("aria-pressed", String(isMine));
  const me = does.me();
  const names = does.namesOf(isMine && !people.includes(me) ? [...people, me] : people, count);
  element.title = names;
  element.setAttribute("aria-label", texts.talkReaction(emoji, count, names));
  return element;
}
