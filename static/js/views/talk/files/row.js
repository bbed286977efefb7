/**
 * A file of a message that is no picture: a player for what sounds, else a card, by which it is saved.
 */
import { albumTexts } from "../../../core/album-texts.js";
import { addressOf, downloadOf } from "../../../core/file-facts.js";
import { kindOf } from "../../../core/files.js";
import { make } from "../../parts/dom.js";
import { makeAudioPlayer } from "../../parts/audio-player.js";
import { makeCard } from "../../parts/file-card.js";

/** @param {HTMLElement} box its row @param {{app: object}} context @returns {{update(file: object, item: object): void}} */
export function makeRow(box, file, { app }) {
  const kind = kindOf(file);
  const isSound = kind === "audio" || kind === "voice";
  let shownAt;
  return {
    update(now, item) {
      const address = addressOf(item, now);
      if (address === shownAt) return;
      shownAt = address;
      const isSaved = address !== null && item.seq !== null;
      const download = isSaved ? downloadOf(item, now) : null;
      const isMine = item.from === app.state.me?.id;
      if (isSound && address) box.replaceChildren(...(kind === "audio" ? [title(now.name)] : []), player(item, now, { address, download, isMine }));
      else box.replaceChildren(makeCard(now, download));
    },
  };
}

function title(name) {
  const element = make("span", "file-name");
  element.dataset.label = name;
  element.dir = "auto";
  element.setAttribute("aria-hidden", "true"); // the player says it
  return element;
}

function player({ room, seq, from, name, message }, { n, name: title, voice }, { address, download, isMine }) {
  return makeAudioPlayer({
    key: isMine && message.id ? `${message.id}/${n}` : `${room}/${seq}/${n}`, // what one sends may be played already
    source: address,
    label: voice ? albumTexts.voice(name) : albumTexts.sound(title),
    voice,
    from: voice && from,
    isNews: voice !== null && !isMine,
    download,
  });
}
