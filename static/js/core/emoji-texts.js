/**
 * Every sentence about emoji: they are needed when emoji are chosen.
 */
import { lazy } from "./lazy.js";

const plural = lazy(() => new Intl.PluralRules("en"));
const number = lazy(() => new Intl.NumberFormat("en"));

export const emojiTexts = {
  emojiTitle: "Emoji",
  emojiSearch: "Search emoji",
  emojiNone: "No emoji has that name. Try another word.",
  emojiLoading: "Loading emoji",
  emojiFailed: "The list of emoji could not be loaded. Close this and try again.",
  emojiFound: (count) => ({ one: "1 emoji", other: `${number().format(count)} emoji` })[plural().select(count)],
  emojiRecent: "Used last",
  emojiGroups: {
    0: "Smileys and feelings",
    1: "People and body",
    3: "Animals and nature",
    4: "Food and drink",
    5: "Travel and places",
    6: "Activities",
    7: "Objects",
    8: "Symbols",
    9: "Flags",
  },
  emojiTone: "Skin tone",
  emojiTones: ["No skin tone", "Light", "Medium-light", "Medium", "Medium-dark", "Dark"],
};
