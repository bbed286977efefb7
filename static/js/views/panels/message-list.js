/**
 * List of some messages of a room, pinned or starred ones; a press jumps to the message. Part of the room info.
 */
import { dayLabel } from "../../core/time.js";
import { button, make } from "../parts/dom.js";
import { showThumb } from "../parts/thumb.js";

export class MessageList {
  #shell;
  #onJump;
  #empty;
  #list = make("ul", "entries");
  #facts = "";

  /** @param {object} shell @param {string} title @param {string} empty what it says when there is none */
  constructor(shell, title, empty, onJump) {
    this.#shell = shell;
    this.#onJump = onJump;
    this.#empty = make("div", "about", empty);
    this.element = make("section", "", make("h3", "", title), this.#empty, this.#list);
  }

  /** Show the messages with these numbers, the newest first. */
  render(state, room, seqs) {
    const copies = [...seqs].sort((a, b) => b - a).map((seq) => ({ seq, ...this.#shell.app.copyAt(room.name, seq) }));
    const shown = copies.filter(({ message }) => message !== null).map(({ seq, message, who, line, thumb }) => ({
      seq, who, text: line, thumb, when: message ? dayLabel(message.atMs) : "",
    }));
    this.#empty.hidden = shown.length > 0;
    const facts = JSON.stringify(shown);
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#list.replaceChildren(...shown.map((one) => this.#entry(one)));
  }

  #entry({ seq, who, text, thumb, when }) {
    const name = make("bdi", "entry-title", who);
    const line = make("span", "message-line", text);
    line.dir = "auto";
    const element = button("message-entry", "", () => this.#onJump(seq));
    element.append(make("span", "message-top", name, make("span", "quiet", when)), line);
    showThumb(element, thumb, this.#shell.app);
    return make("li", "", element);
  }
}
