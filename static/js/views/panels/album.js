/**
 * The album of a room: its pictures, files and links, the newest first, in three tabs. A panel in the side. It holds the numbers
 * of messages, and shows what these have now.
 */
import { albumTexts } from "../../core/album-texts.js";
import { laterTexts } from "../../core/later-texts.js";
import { heldFor } from "../../core/pictures.js";
import { openRoom } from "../../core/select.js";
import { button, iconButton, make } from "../parts/dom.js";
import { needStyles } from "../parts/forms.js";
import { makeTabs } from "../parts/tabs.js";
import { fileRows, linkRows, pictureRows } from "./album-rows.js";

/** @param {object} shell @returns {Promise<{element: HTMLElement, render(state: object): void, focus(): void}>} */
export async function makeAlbum(shell) {
  await Promise.all([needStyles(), needStyles("album")]);
  return new Album(shell);
}

class Album {
  #shell;
  #room = null;
  #parts = [];
  #body = make("div", "info-body");
  #back;

  constructor(shell) {
    this.#shell = shell;
    this.#back = iconButton("back", albumTexts.back, () => shell.showInfo());
    const close = iconButton("close", laterTexts.shellClose, () => shell.closeSide());
    this.element = make("div", "info album", make("header", "side-head", this.#back, make("h2", "", albumTexts.album), close), this.#body);
  }

  focus() {
    this.#back.focus({ preventScroll: true });
  }

  render(state) {
    const room = openRoom(state);
    if (room.name !== this.#room) this.#build(room.name);
    for (const part of this.#parts) part.render(state);
  }

  #build(room) {
    this.#room = room;
    this.#parts = [];
    const tab = (label, only, none, rows) => ({
      label,
      panel: () => {
        const part = new Part(this.#shell, room, only, { none, rows });
        this.#parts.push(part);
        part.render(this.#shell.app.state);
        return part.element;
      },
    });
    this.#body.replaceChildren(makeTabs(albumTexts.albumTabs, [
      tab(albumTexts.pictures, "pictures", albumTexts.noPictures, pictureRows),
      tab(albumTexts.files, "files", albumTexts.noFiles, fileRows),
      tab(albumTexts.links, "links", albumTexts.noLinks, linkRows),
    ]));
  }
}

/** What one tab has. */
class Part {
  #shell;
  #room;
  #only;
  #seqs = new Set(); // as the server has told them
  #before;
  #isLoading = false;
  #isAll = false;
  #rows;
  #elements = new Map(); // key -> {element, facts}
  #list = make("ul", "");
  #about;
  #more;
  #none;

  constructor(shell, room, only, { none, rows }) {
    this.#shell = shell;
    this.#room = room;
    this.#only = only;
    this.#rows = rows;
    this.#none = none;
    this.#list.className = `album-${only}`;
    this.#about = make("div", "about", laterTexts.shellLoading);
    this.#about.setAttribute("role", "status");
    this.#more = button("link-button", albumTexts.loadMore, () => this.#load());
    this.#more.hidden = true;
    this.element = make("div", "album-part", this.#list, this.#about, this.#more);
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#load(), { rootMargin: "600px" }).observe(this.#more);
    this.#load();
  }

  /** Of messages, ascending: those that were told, and those that came since or are held anyway. */
  #all(state) {
    const room = state.rooms.get(this.#room);
    return room ? [...new Set([...this.#seqs, ...heldFor(state, room, this.#only)])].sort((a, b) => a - b) : [];
  }

  render(state) {
    const seqs = this.#all(state);
    const does = { shell: this.#shell, room: this.#room, seqs: (now) => this.#all(now), more: () => this.#load() };
    const rows = this.#rows(state, seqs, does);
    const wanted = rows.map(({ key, facts, make: create }) => {
      const shown = this.#elements.get(key);
      const element = shown?.facts === facts ? shown.element : create();
      this.#elements.set(key, { element, facts });
      return element;
    });
    const keys = new Set(rows.map(({ key }) => key));
    for (const key of this.#elements.keys()) if (!keys.has(key)) this.#elements.delete(key);
    const isSame = wanted.length === this.#list.children.length && wanted.every((element, index) => element === this.#list.children[index]);
    if (!isSame) this.#list.replaceChildren(...wanted);
    this.#list.hidden = rows.length === 0;
    const text = rows.length > 0 ? "" : this.#isAll ? this.#none : this.#about.textContent;
    if (this.#about.textContent !== text) this.#about.textContent = text;
  }

  async #load() {
    if (this.#isLoading || this.#isAll) return;
    this.#isLoading = true;
    this.#more.hidden = true;
    const answer = await this.#shell.app.album(this.#room, this.#only, this.#before);
    this.#isLoading = false;
    if (answer.ok) {
      for (const seq of answer.seqs) this.#seqs.add(seq);
      this.#before = answer.before;
      this.#isAll = answer.before === undefined;
    }
    this.#more.hidden = this.#isAll; // and if it is in view still, the observer asks for more
    this.render(this.#shell.app.state);
    if (!answer.ok) this.#about.textContent = answer.message;
  }
}
