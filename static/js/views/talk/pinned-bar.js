/**
 * Bar of pinned messages above the log: the newest first; a press jumps to it and turns to the one before.
 */
import { pinsOf } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { icon, make, pressable } from "../parts/dom.js";
import { setText } from "../parts/set-text.js";
import { fillThumb } from "./files-place.js";

const PAUSE_MS = 800; // what is said comes first

export class PinnedBar {
  #app;
  #element;
  #text = make("span", "pinned-text");
  #who = make("bdi", "pinned-who");
  #count = make("span", "pinned-count");
  #lines;
  #room = null;
  #index = 0; // from the newest
  #pins = [];
  #all;

  /**
   * @param {import("../../app/app.js").App} app @param {HTMLElement} parent
   * @param {{onJump(seq: number): void, onList(): void}} handlers
   */
  constructor(app, parent, { onJump, onList }) {
    this.#app = app;
    this.#text.dir = "auto";
    const show = pressable("pinned-show", "", () => {
      const seq = this.#pins[this.#index];
      this.#index = (this.#index + 1) % this.#pins.length;
      onJump(seq);
      this.render(app.state);
    });
    this.#lines = make("span", "pinned-lines", this.#who, this.#text);
    show.append(icon("pin"), this.#lines, this.#count);
    show.removeAttribute("aria-label");
    const list = pressable("pinned-list", laterTexts.talkPinnedAll, onList);
    list.title = laterTexts.talkPinnedAll;
    list.append(icon("more"));
    this.#all = list;
    this.#element = make("div", "pinned", show, list);
    this.#element.setAttribute("role", "group");
    this.#element.setAttribute("aria-label", texts.talkPinned);
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show this state. */
  render(state) {
    const room = openRoom(state);
    if (room.name !== this.#room) {
      this.#room = room.name;
      this.#index = 0;
      setTimeout(() => this.#ask(), PAUSE_MS);
    }
    this.#pins = this.#known(state, room).filter((seq) => this.#app.copyAt(room.name, seq).message !== null);
    this.#element.hidden = this.#pins.length === 0;
    if (this.#pins.length === 0) {
      setText(this.#who, "");
      setText(this.#text, "");
      fillThumb(this.#lines, "", this.#app);
      return;
    }
    this.#index %= this.#pins.length;
    const seq = this.#pins[this.#index];
    const { message, who, line, thumb } = this.#app.copyAt(room.name, seq);
    setText(this.#who, message ? who : texts.talkPinned);
    setText(this.#text, message ? line : "");
    fillThumb(this.#lines, thumb, this.#app);
    this.#all.hidden = this.#pins.length === 1;
    setText(this.#count, this.#pins.length > 1 ? laterTexts.talkOf(this.#index + 1, this.#pins.length) : "");
  }

  /** All pins where the server has told them, else those that are held; the newest first. */
  #known(state, room) {
    const pins = pinsOf(state, room);
    if (pins) return pins.reverse();
    return room.live.events.filter(({ isPinned }) => isPinned).map(({ seq }) => seq).reverse();
  }

  #ask() {
    const { state } = this.#app;
    const room = openRoom(state);
    if (room.name !== this.#room || room.info !== null) return;
    if (state.connection.phase === "online" && room.isSynced) this.#app.info(room.name);
    else setTimeout(() => this.#ask(), 2 * PAUSE_MS);
  }
}
