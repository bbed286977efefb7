/**
 * Screens of a phone, the room list or the room, and "back": rooms are entries of the browser's history.
 */
import { pathOf } from "../parts/address.js";

const OPEN_KEY = "trio-chat.open";

export class Screen {
  #body;
  #room = null;

  /** @param {HTMLElement} body @param {{onRoom(name: string): void}} handlers told when "back" led to a room */
  constructor(body, { onRoom }) {
    this.#body = body;
    addEventListener("popstate", ({ state }) => {
      if (!state?.screen) return;
      this.#show(state.screen);
      if (state.room) onRoom(state.room);
    });
  }

  /** Show the room. */
  toRoom(name) {
    const isThere = this.#body.dataset.screen === "room" && name === this.#room;
    this.#room = name;
    this.#show("room");
    if (isThere) return;
    history.pushState({ screen: "room", room: name, isDeep: true }, "", pathOf(name));
  }

  /** Show the room list; on a desktop it always is there. */
  toList() {
    if (this.#body.dataset.screen === "list") return;
    const isPhone = matchMedia("(max-width: 40rem)").matches;
    if (!isPhone) return;
    this.#show("list");
    history.pushState({ screen: "list" }, "", pathOf(null));
  }

  /** Remember the open room: after a reload it is opened again. */
  remember(name) {
    if (name === this.#room) return;
    const isFirst = this.#room === null;
    this.#room = name;
    try {
      sessionStorage.setItem(OPEN_KEY, name);
    } catch {
      // Then a reload opens the lobby.
    }
    if (!isFirst && history.state?.room !== name) history.replaceState({ screen: "room", room: name }, "", pathOf(name));
    else if (!history.state?.screen) history.replaceState({ screen: "room", room: name }, "");
  }

  #show(screen) {
    this.#body.dataset.screen = screen;
  }
}

/** The room that was open before a reload of this tab. */
export function rememberedRoom() {
  try {
    return sessionStorage.getItem(OPEN_KEY);
  } catch {
    return null;
  }
}
