/**
 * List of some messages of a room, pinned or starred ones; a press jumps to the message. Part of the room info.
 */
import { plainLine } from "../../core/format.js";
import { laterTexts } from "../../core/later-texts.js";
import { messageAt, person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { dayLabel } from "../../core/time.js";
import { button, make } from "../parts/dom.js";

const TEXT_LENGTH = 160;

export class MessageList {
  #shell;
  #onJump;
  #empty;
  #list = make("ul", "entries");
  #facts = "";
  #asked = new Set();

  /** @param {object} shell @param {string} title @param {string} empty what it says when there is none */
  constructor(shell, title, empty, onJump) {
    this.#shell = shell;
    this.#onJump = onJump;
    this.#empty = make("div", "about", empty);
    this.element = make("section", "", make("h3", "", title), this.#empty, this.#list);
  }

  /** Show the messages with these numbers, the newest first. */
  render(state, room, seqs) {
    this.#empty.hidden = seqs.length > 0;
    const missing = seqs.filter((seq) => messageAt(room, seq) === undefined && !this.#asked.has(seq));
    missing.forEach((seq) => this.#asked.add(seq));
    if (missing.length > 0) this.#shell.app.fetch(room.name, missing);
    const shown = [...seqs].sort((a, b) => b - a).map((seq) => describe(state, room, seq));
    const facts = JSON.stringify(shown);
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#list.replaceChildren(...shown.map((one) => this.#entry(one)));
  }

  #entry({ seq, who, text, when }) {
    const name = make("bdi", "entry-title", who);
    const line = make("span", "message-line", text);
    line.dir = "auto";
    const element = button("message-entry", "", () => this.#onJump(seq));
    element.append(make("span", "message-top", name, make("span", "quiet", when)), line);
    return make("li", "", element);
  }
}

function describe(state, room, seq) {
  const message = messageAt(room, seq);
  if (!message) return { seq, who: "", text: message === null ? laterTexts.shellMessageGone : laterTexts.shellLoading, when: "" };
  const who = message.from === state.me?.id ? texts.you : person(state, message.from, message.name).name;
  const text = message.isDeleted ? laterTexts.shellDeleted : plainLine(message.text.slice(0, TEXT_LENGTH));
  return { seq, who, text, when: dayLabel(message.atMs) };
}
