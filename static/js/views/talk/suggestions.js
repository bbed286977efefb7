/**
 * Suggestions for the completion list: mentions behind an @, commands behind a slash, emoji behind a colon.
 */
import { searchEmoji } from "../../core/emoji.js";
import { fold } from "../../core/fold.js";
import { laterTexts } from "../../core/later-texts.js";
import { completeMention, EVERYBODY, mentionAt, mentionCandidates } from "../../core/mentions.js";
import { openRoom, person } from "../../core/select.js";
import { slashCandidates } from "../../core/slash.js";
import { makeAvatar } from "../parts/avatar.js";

const EMOJI = /(?:^|\s):([\p{L}\p{N}_+-]{2,30})$/u;
const MOST_EMOJI = 8;

const ASK_AFTER_MS = 200;
const COMPLETE_BELOW = 10; // the server tells at most so many

/** Everybody who can be mentioned in the open room, those who wrote last first; at the end @all. `found`: on the server */
function mentionable(state, found) {
  const room = openRoom(state);
  const ids = new Map(); // id -> name
  const note = (id, name) => id && id !== state.me?.id && !ids.has(id) && ids.set(id, name);
  for (const event of [...room.live.events].reverse()) note(event.from, event.name);
  for (const id of room.here?.ids ?? []) note(id);
  for (const { id, name } of room.info?.members ?? []) note(id, name);
  if (room.with) note(room.with);
  for (const { id, name } of found) note(id, name);
  const people = Array.from(ids, ([id, name]) => person(state, id, name)).filter(({ name }) => name);
  return [...people, { id: EVERYBODY, name: "all" }];
}

export class Suggestions {
  #app;
  #emoji = null;
  #isAsked = null; // the room whose members were asked for
  #found = new Map(); // room -> Map of id -> person, whom the server found
  #complete = new Set(); // what was asked for and answered in full
  #timer = 0;
  chosen = new Set(); // ids that were taken from the list

  /** @param {import("../../app/app.js").App} app */
  constructor(app) {
    this.#app = app;
  }

  /** @param {HTMLInputElement|HTMLTextAreaElement} field @returns {Array<object>} see completion.js */
  for(field, text, caret) {
    const commands = slashCandidates(text, caret);
    if (commands.length > 0) return commands.filter(({ name }) => text !== `/${name}`).map(command);
    const mention = mentionAt(text, caret);
    if (mention) return this.#people(field, text, caret, mention);
    const emoji = EMOJI.exec(text.slice(0, caret));
    return emoji ? this.#emojis(field, text, caret, emoji[1]) : [];
  }

  /** Everybody who can be mentioned in the open room, as far as known here. */
  get people() {
    const { state } = this.#app;
    return mentionable(state, this.#found.get(state.open)?.values() ?? []);
  }

  /** Somebody was chosen elsewhere, to be mentioned in the open room. */
  choose(one) {
    const { open } = this.#app.state;
    this.#found.set(open, (this.#found.get(open) ?? new Map()).set(one.id, one));
    this.chosen.add(one.id);
  }

  /** Ask the server for those who are not in sight. */
  #find(field, room, query) {
    clearTimeout(this.#timer);
    const asked = query.trimStart().toLowerCase();
    const keys = Array.from(asked, (_, index) => `${room}\n${asked.slice(0, index + 1)}`);
    if (keys.length === 0 || keys.some((key) => this.#complete.has(key))) return;
    this.#timer = setTimeout(async () => {
      const answer = await this.#app.mentionable(room, asked);
      if (!answer.ok) return;
      if (answer.people.length < COMPLETE_BELOW) this.#complete.add(keys.at(-1));
      const found = this.#found.get(room) ?? new Map();
      this.#found.set(room, found);
      for (const person of answer.people) found.set(person.id, person);
      if (answer.people.length > 0 && field.isConnected) field.dispatchEvent(new Event("click")); // look again
    }, ASK_AFTER_MS);
  }

  #people(field, text, caret, mention) {
    const { state } = this.#app;
    const room = openRoom(state);
    this.#find(field, room.name, mention.query);
    if (this.#isAsked !== room.name && room.info === null) {
      this.#isAsked = room.name;
      this.#app.info(room.name);
    }
    const found = mentionCandidates(mention.query, this.people);
    if (found.length === 1 && fold(found[0].name) === fold(mention.query)) return []; // it stands there already
    return found.map((one) => ({
      key: one.id,
      label: `@${one.name}`,
      detail: one.id === EVERYBODY ? laterTexts.everybody : "",
      picture: one.id === EVERYBODY ? undefined : makeAvatar(one),
      take: () => {
        this.chosen.add(one.id);
        return completeMention(text, caret, mention, one.name);
      },
    }));
  }

  #emojis(field, text, caret, query) {
    if (!this.#emoji) {
      this.#load(field);
      return [];
    }
    const start = caret - query.length - 1;
    return searchEmoji(this.#emoji, query.replaceAll("_", " "), MOST_EMOJI).map(({ emoji, label }) => ({
      key: emoji,
      label: emoji,
      detail: label,
      take: () => ({ text: `${text.slice(0, start)}${emoji}${text.slice(caret)}`, caret: start + emoji.length }),
    }));
  }

  async #load(field) {
    const { loadEmoji } = await import("../parts/emoji-picker.js");
    this.#emoji = await loadEmoji().catch(() => null);
    if (this.#emoji && field.isConnected) field.dispatchEvent(new Event("click")); // look again
  }
}

const command = ({ name, usage, about }) => ({
  key: name,
  label: usage,
  detail: about,
  take: () => ({ text: `/${name} `, caret: name.length + 2 }),
});
