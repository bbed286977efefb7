/**
 * Search in messages: hits while typing, with the found words highlighted; a press jumps to the message. A panel in the
 * side.
 */
import { laterTexts } from "../../core/later-texts.js";
import { withLocalDays } from "../../core/query.js";
import { stars, titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { dayLabel } from "../../core/time.js";
import { button, iconButton, make, onKeydown } from "../parts/dom.js";
import { input, needStyles, radios } from "../parts/forms.js";
import { showThumb } from "../parts/thumb.js";

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
  #hits = []; // of the last search: {room, seq, highlights}
  #facts = null;
  #isSearch = false;
  #scopes;

  constructor(shell, query) {
    this.#shell = shell;
    const close = iconButton("close", laterTexts.shellClose, () => shell.closeSide());
    const head = make("header", "side-head", make("h2", "", texts.shellSearch), close);
    this.#field.setAttribute("aria-label", texts.shellSearch);
    this.#field.setAttribute("enterkeyhint", "search");
    this.#field.value = query;
    this.#field.addEventListener("input", () => this.#soon());
    onKeydown(this.#field, (event) => {
      if (event.key === "ArrowDown") this.#list.querySelector("button")?.focus();
      else if (event.key === "Enter") this.#search();
      else return;
      event.preventDefault();
    });
    onKeydown(this.#list, (event) => this.#onKey(event));
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

  /** Show this state: what was found, as it stands now; without a query the starred messages. */
  render(state) {
    const isSearch = this.#isSearch;
    const places = isSearch ? this.#hits : stars(state).slice(0, MOST_STARS);
    const rows = places.map((place) => this.#describe(state, place)).filter(Boolean);
    const facts = JSON.stringify([isSearch, rows]);
    if (facts === this.#facts) return;
    this.#facts = facts;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.#list.replaceChildren(...rows.map((row) => this.#row(row)));
    if (focused) (this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`) ?? this.#field).focus({ preventScroll: true });
    if (isSearch) {
      this.#status.textContent = rows.length === 0 ? laterTexts.talkSearchNothing : laterTexts.talkSearchFound(rows.length, Boolean(this.#cursor));
      return;
    }
    this.#status.textContent = laterTexts.talkSearchHow;
    if (rows.length > 0) this.#list.prepend(make("li", "", make("h3", "", laterTexts.talkStars)));
  }

  /** All that a row shows; null if there is nothing to be shown, or not yet. */
  #describe(state, { room: name, seq, highlights = null }) {
    const { message, isShown, who, line, thumb } = this.#shell.app.copyAt(name, seq);
    if (!message || (highlights && !isShown)) return null;
    const nodes = highlights && message.text !== "" ? snippet(message.text, highlights) : [[line, false]];
    return { room: name, seq, who, thumb, where: titleOf(state, state.rooms.get(name)), when: dayLabel(message.atMs), nodes };
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PAUSE_MS);
  }

  async #search(cursor = undefined) {
    clearTimeout(this.#timer);
    const query = this.#field.value.trim();
    const asked = (this.#asked += 1);
    const { app } = this.#shell;
    if (query === "") {
      this.#isSearch = false;
      this.#more.hidden = true;
      this.render(app.state);
      return;
    }
    const room = this.#scope === "room" ? app.state.open : undefined;
    const answer = await app.search(withLocalDays(query), { room, cursor, limit: PAGE });
    if (asked !== this.#asked) return; // something else was asked for meanwhile
    this.#isSearch = true;
    this.#facts = null;
    this.#hits = answer.ok ? [...(cursor ? this.#hits : []), ...answer.hits] : [];
    this.#cursor = answer.cursor;
    this.#more.hidden = !answer.cursor;
    this.render(app.state);
    if (!answer.ok) this.#status.textContent = answer.message;
  }

  #row({ who, thumb, where, when, room, seq, nodes }) {
    const line = make("span", "message-line", ...nodes.map(([text, isFound]) => (isFound ? make("mark", "", text) : text)));
    line.dir = "auto";
    const top = make("span", "message-top", make("bdi", "entry-title", who), make("bdi", "hit-room", where), make("span", "quiet", when));
    const element = button("message-entry hit", "", () => this.#shell.jump(room, seq));
    element.dataset.key = `${room} ${seq}`;
    element.append(top, line);
    showThumb(element, thumb, this.#shell.app);
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

/** The text around the first word that was found, as pieces, each with whether it was found; where it still stands. */
function snippet(text, highlights) {
  const found = highlights.filter(({ from, to, word }) => text.slice(from, to) === word);
  const first = found[0]?.from ?? 0;
  const start = first > BEFORE ? text.indexOf(" ", first - BEFORE) + 1 || first : 0;
  const from = Math.min(start, first);
  const to = Math.min(text.length, from + SNIPPET);
  const pieces = from > 0 ? [["… ", false]] : [];
  let end = from;
  for (const mark of found) {
    if (mark.from < end || mark.to > to) continue;
    pieces.push([text.slice(end, mark.from), false], [mark.word, true]);
    end = mark.to;
  }
  pieces.push([text.slice(end, to) + (to < text.length ? " …" : ""), false]);
  return pieces;
}
