/**
 * Search in messages: hits while typing, with the found words highlighted; a press jumps to the message. A panel in the
 * side.
 */
import { lineOf } from "../../core/items.js";
import { laterTexts } from "../../core/later-texts.js";
import { messageAt, person, stars, titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { dayLabel } from "../../core/time.js";
import { button, iconButton, make } from "../parts/dom.js";
import { input, needStyles, radios } from "../parts/forms.js";

const PAUSE_MS = 180;
const BEFORE = 40; // characters shown before the first word that was found
const SNIPPET = 220;
const PAGE = 20;
const MOST_STARS = 50;

/** @param {object} shell @param {string} query @returns {Promise<{element: HTMLElement, render(state: object): void, focus(): void}>} */
export async function makeSearch(shell, query) {
  await needStyles();
  return new SearchPanel(shell, query);
}

class SearchPanel {
  #shell;
  #field = input({ type: "search", placeholder: laterTexts.talkSearchHint, spellcheck: false });
  #scope = "all";
  #list = make("ul", "entries hits");
  #status = make("div", "about");
  #more;
  #cursor;
  #timer = null;
  #asked = 0;
  #starsAsked = new Set();
  #facts = null;
  #scopes;

  constructor(shell, query) {
    this.#shell = shell;
    const close = iconButton("close", laterTexts.shellClose, () => shell.closeSide());
    const head = make("header", "side-head", make("h2", "", texts.shellSearch), close);
    this.#field.setAttribute("aria-label", texts.shellSearch);
    this.#field.setAttribute("enterkeyhint", "search");
    this.#field.value = query;
    this.#field.addEventListener("input", () => this.#soon());
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.#list.querySelector("button")?.focus();
      else if (event.key === "Enter" && !event.isComposing) this.#search();
      else return;
      event.preventDefault();
    });
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
    this.#scopes = radios(laterTexts.talkSearchWhere, [["all", laterTexts.talkSearchAll], ["room", laterTexts.talkSearchRoom]], "all", (scope) => {
      this.#scope = scope;
      this.#search();
    });
    this.#more = button("link-button", laterTexts.talkSearchMore, () => this.#search(this.#cursor));
    this.#more.hidden = true;
    this.#status.setAttribute("role", "status");
    this.element = make("div", "info search", head, make("div", "info-body", this.#field, this.#scopes, this.#status, this.#list, this.#more));
    this.#search();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
    this.#field.select();
  }

  /** Look for something else. */
  ask(query) {
    this.#field.value = query;
    this.#search();
    this.focus();
  }

  /** Show this state: without a query the starred messages stand here. */
  render(state) {
    if (this.#field.value.trim() !== "") return;
    const facts = JSON.stringify(stars(state).slice(0, MOST_STARS).map(({ room, seq }) => describe(state, this.#messageOf(state, room, seq), room, seq)));
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#status.textContent = laterTexts.talkSearchHow;
    const rows = JSON.parse(facts).filter(Boolean);
    this.#list.replaceChildren(...rows.map((row) => this.#row(row, [row.line])));
    if (rows.length > 0) this.#list.prepend(make("li", "", make("h3", "", laterTexts.talkStars)));
  }

  #messageOf(state, name, seq) {
    const room = state.rooms.get(name);
    const message = room && messageAt(room, seq);
    const key = `${name} ${seq}`;
    if (room && message === undefined && !this.#starsAsked.has(key)) {
      this.#starsAsked.add(key);
      this.#shell.app.fetch(name, [seq]);
    }
    return message;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PAUSE_MS);
  }

  async #search(cursor = undefined) {
    clearTimeout(this.#timer);
    const query = this.#field.value.trim();
    const asked = (this.#asked += 1);
    this.#facts = null;
    if (query === "") {
      this.#more.hidden = true;
      this.#list.replaceChildren();
      this.render(this.#shell.app.state);
      return;
    }
    const { app } = this.#shell;
    const room = this.#scope === "room" ? app.state.open : undefined;
    const answer = await app.search(query, { room, cursor, limit: PAGE });
    if (asked !== this.#asked) return; // something else was asked for meanwhile
    if (!answer.ok) {
      this.#status.textContent = answer.message;
      this.#list.replaceChildren();
      this.#more.hidden = true;
      return;
    }
    const rows = answer.hits.map((hit) => this.#hit(hit));
    if (cursor) this.#list.append(...rows);
    else this.#list.replaceChildren(...rows);
    const count = this.#list.childElementCount;
    this.#status.textContent = count === 0 ? laterTexts.talkSearchNothing : laterTexts.talkSearchFound(count, Boolean(answer.cursor));
    this.#cursor = answer.cursor;
    this.#more.hidden = !answer.cursor;
  }

  #hit({ room, message, highlights }) {
    const row = describe(this.#shell.app.state, message, room, message.seq);
    return this.#row(row, snippet(message.text, highlights));
  }

  #row({ who, where, when, room, seq }, nodes) {
    const line = make("span", "message-line", ...nodes);
    line.dir = "auto";
    const top = make("span", "message-top", make("bdi", "entry-title", who), make("bdi", "hit-room", where), make("span", "quiet", when));
    const element = button("message-entry hit", "", () => this.#shell.jump(room, seq));
    element.append(top, line);
    return make("li", "", element);
  }

  #onKey(event) {
    const rows = [...this.#list.querySelectorAll("button")];
    const here = rows.indexOf(document.activeElement);
    const next = { ArrowDown: rows[here + 1], ArrowUp: rows[here - 1] ?? this.#field }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function describe(state, message, name, seq) {
  const room = state.rooms.get(name);
  if (!message) return null;
  const who = message.from === state.me?.id ? texts.you : person(state, message.from, message.name).name;
  return { who, where: room ? titleOf(state, room) : name, when: dayLabel(message.atMs), room: name, seq, line: lineOf(message) };
}

/** The text around the first word that was found, all found words marked. */
function snippet(text, highlights) {
  const first = highlights[0]?.[0] ?? 0;
  const start = first > BEFORE ? text.indexOf(" ", first - BEFORE) + 1 || first : 0;
  const from = Math.min(start, first);
  const to = Math.min(text.length, from + SNIPPET);
  const nodes = from > 0 ? ["… "] : [];
  let end = from;
  for (const [left, right] of highlights) {
    if (left < end || right > to) continue;
    nodes.push(text.slice(end, left), make("mark", "", text.slice(left, right)));
    end = right;
  }
  nodes.push(text.slice(end, to), to < text.length ? " …" : "");
  return nodes;
}
