/**
 * Choice of an emoji; the recently used ones are kept in this browser.
 */
import { openEmojiPicker } from "../parts/emoji-picker.js";
import { remember } from "../../core/emoji.js";

const KEY = "trio-chat.emoji";
export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];

/**
 * @param {Element|{x: number, y: number}} anchor @param {(emoji: string) => void} onPick
 * @param {{isForSeveral?: boolean}} [options] see emoji-picker.js
 */
export function chooseEmoji(anchor, onPick, { isForSeveral } = {}) {
  openEmojiPicker({ anchor, onPick, isForSeveral, ...choices(), onChoices: keep });
}

/** The emoji that are offered at once: those used last, then those that everybody uses. */
export function quickEmoji() {
  return [...new Set([...choices().recent.slice(0, 3), ...QUICK])].slice(0, QUICK.length);
}

/** It was used. */
export function used(emoji) {
  const { recent, tone } = choices();
  keep({ recent: remember(recent, emoji), tone });
}

function choices() {
  try {
    const { recent = [], tone = 0 } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { recent, tone };
  } catch {
    return { recent: [], tone: 0 };
  }
}

function keep(chosen) {
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // Then they are offered in the usual order.
  }
}
