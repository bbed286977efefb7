/**
 * The room's head: avatar, title, presence, typing, and buttons. What the room list does not tell is asked for when a
 * room is opened.
 */
import { avatarOf, roomList, typingIn, unreadOf } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { openRoom, person } from "../../core/select.js";
import { ago } from "../../core/time.js";
import { updateAvatar } from "../parts/avatar.js";
import { setText } from "../parts/set-text.js";

const MINUTE_MS = 60_000;

export class RoomHead {
  #elements;
  #app;
  #shown = null;
  #asked = null; // the room of which was asked what the room list does not tell

  /**
   * @param {import("../../app/app.js").App} app
   * @param {{head, avatar, title, people, back, search, info, visit}} elements
   * @param {{onBack(): void, onSearch(): void, onInfo(): void, onEnter(): Promise<object>}} handlers
   */
  constructor(app, elements, { onBack, onSearch, onInfo, onEnter }) {
    this.#app = app;
    this.#elements = elements;
    elements.back.addEventListener("click", onBack);
    elements.search.addEventListener("click", onSearch);
    elements.info.addEventListener("click", onInfo);
    elements.head.addEventListener("click", onInfo); // a comfort for fingers; the button is there for all
    elements.visit.querySelector("button").addEventListener("click", onEnter);
    setInterval(() => this.#growOlder(), MINUTE_MS);
  }

  /** Show this state. */
  render(state) {
    const before = this.#shown;
    this.#shown = state;
    if (before && before.rooms === state.rooms && before.open === state.open && before.people === state.people
      && before.connection === state.connection && before.isListed === state.isListed) return;
    const room = openRoom(state);
    const { avatar, title, visit, back } = this.#elements;
    const seal = avatarOf(state, room);
    updateAvatar(avatar, seal);
    avatar.classList.toggle("seal", seal.isSeal);
    setText(title, seal.name);
    visit.hidden = !state.isListed || room.isMember || room.isMissing || room.kind !== "public" || state.connection.phase !== "online";
    this.#showPeople(state);
    this.#askAbout(state, room);
    const others = roomList(state).filter((one) => one !== room && unreadOf(one).count > 0).length;
    back.dataset.count = others > 0 ? String(others) : "";
    back.setAttribute("aria-label", others > 0 ? laterTexts.shellBackUnread(others) : laterTexts.shellBack);
  }

  #askAbout(state, room) {
    if (state.connection.phase !== "online" || !state.isListed) {
      this.#asked = null;
    } else if (this.#asked !== room.name) {
      this.#asked = room.name;
      if (room.kind === "direct" && room.with) this.#app.people([room.with]); // whether the other one is here
      else if (!room.isMember && !room.isMissing) this.#app.info(room.name); // what it is called
    }
  }

  /** "Last here 5 minutes ago" is not true for ever. */
  #growOlder() {
    if (!this.#shown || document.hidden) return;
    this.#asked = null;
    this.#askAbout(this.#shown, openRoom(this.#shown));
    this.#showPeople(this.#shown);
  }

  #showPeople(state) {
    const room = openRoom(state);
    const typing = state.connection.phase === "online" ? typingIn(state, room, Date.now()) : [];
    const { people } = this.#elements;
    people.classList.toggle("typing", typing.length > 0);
    setText(people, typing.length > 0 ? laterTexts.shellTyping(typing) : presence(state, room));
  }
}

/** Who is online; in a direct room, when the other person was. */
function presence(state, room) {
  if (state.connection.phase !== "online") return "";
  if (room.kind === "direct" && room.with) {
    const { here, seen } = person(state, room.with);
    if (here || room.here?.ids.includes(room.with)) return laterTexts.shellHere;
    return seen ? laterTexts.shellLastSeen(ago(Date.parse(seen))) : "";
  }
  const parts = [];
  if (["private", "server"].includes(room.kind) && room.members) parts.push(laterTexts.shellMembers(room.members));
  if (room.here && room.here.count > 0) parts.push(laterTexts.shellHereCount(room.here.count));
  if (room.topic) parts.push(room.topic);
  return parts.join(" · ");
}
