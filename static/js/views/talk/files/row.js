/**
 * A file of a message that is no picture: a player for what sounds, else a card, by which it is saved.
 */
import { albumTexts } from "../../../core/album-texts.js";
import { addressOf, downloadOf } from "../../../core/file-facts.js";
import { kindOf } from "../../../core/files.js";
import { make } from "../../parts/dom.js";
import { makeCard } from "../../parts/file-card.js";

/** @param {HTMLElement} box its row @returns {{box: HTMLElement, update(file: object, item: object): void}} */
export function makeRow(box, file) {
  const kind = kindOf(file);
  const isSound = kind === "audio" || kind === "voice";
  box.dataset.kind = kind;
  let shownAt;
  return {
    box,
    update(now, item) {
      const address = addressOf(item, now);
      if (address === shownAt) return;
      shownAt = address;
      const isSaved = address !== null && item.seq !== null;
      box.replaceChildren(isSound && address ? sound(address, now) : makeCard(now, isSaved ? downloadOf(item, now) : null));
    },
  };
}

function sound(address, { name }) {
  const audio = make("audio");
  Object.assign(audio, { src: address, controls: true, preload: "none", tabIndex: -1 });
  audio.setAttribute("aria-label", albumTexts.sound(name));
  return audio;
}
