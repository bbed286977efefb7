/**
 * List of a room's members, those who are online first. Part of the room info.
 */
import { fold } from "../../core/fold.js";
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { isBlocked, person } from "../../core/select.js";
import { restrictionOf } from "../../core/permissions.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { button, make } from "../parts/dom.js";
import { entry, field, input } from "../parts/forms.js";

const FEW = 12;
const MANY = 20; // from here on there is a field to find somebody

export class MemberList {
  #shell;
  #title = make("h3");
  #filter = input({ type: "search" });
  #filterField = field(laterTexts.shellFindMember, this.#filter);
  #list = make("ul", "entries");
  #isWhole = false;
  #isAsking = false;
  #more;
  #shown = null;

  /** @param {object} shell */
  constructor(shell) {
    this.#shell = shell;
    this.#more = button("link-button", "", () => {
      this.#isWhole = true;
      this.#arrange();
      this.#askAll();
    });
    this.#filter.addEventListener("input", () => {
      this.#arrange();
      this.#askAll();
    });
    this.element = make("section", "", this.#title, this.#filterField, this.#list, this.#more);
  }

  /** Show the members of a room. */
  render(state, room) {
    const before = this.#shown;
    if (before && before.room.info === room.info && before.room.here === room.here && before.state.people === state.people
      && before.state.mine === state.mine && before.state.outbox === state.outbox) return;
    this.#shown = { state, room };
    this.#arrange();
  }

  /** Have all members of a large room, of whom one answer brings some. */
  async #askAll() {
    const { room } = this.#shown;
    if (this.#isAsking || !room.info?.cursor) return;
    this.#isAsking = true;
    await this.#shell.app.moreMembers(room.name);
    this.#isAsking = false;
  }

  #arrange() {
    const { state, room } = this.#shown;
    const members = membersOf(state, room);
    const here = new Set(room.here?.ids ?? []);
    const query = fold(this.#filter.value.trim());
    const all = members
      .map((member) => ({ ...member, ...person(state, member.id, member.name) }))
      .map((member) => ({ ...member, here: Boolean(member.here) || here.has(member.id) }))
      .filter(({ name }) => fold(name).includes(query))
      .sort((a, b) => Number(b.here) - Number(a.here) || a.name.localeCompare(b.name));
    const shown = this.#isWhole || query !== "" ? all : all.slice(0, FEW);
    this.#title.textContent = titleFor(room);
    this.#filterField.hidden = members.length < MANY;
    this.#list.replaceChildren(...shown.map((member) => this.#entry(state, room, member)));
    const hasMore = query === "" && Boolean(room.info?.cursor);
    this.#more.hidden = shown.length === all.length && !hasMore;
    this.#more.textContent = laterTexts.shellMembersMore(Math.max(all.length, hasMore ? room.info.count : 0));
  }

  #entry(state, room, member) {
    const isOwner = member.role === "owner" || member.id === room.owner;
    const seen = member.here ? laterTexts.shellHere : member.seen ? laterTexts.shellLastSeen(ago(Date.parse(member.seen))) : "";
    const isMuted = restrictionOf(room, "mute", member.id, Date.now()) !== null;
    const role = isOwner ? laterTexts.shellOwner : member.role === "moderator" ? modTexts.roomRoles.moderator.toLowerCase() : "";
    const signs = [isMuted ? modTexts.mutedSign : "", role, member.id === state.me?.id ? texts.shellYou : "", isBlocked(state, member.id) ? laterTexts.shellBlocked : ""].filter(Boolean);
    const extra = signs.map((sign) => make("span", "entry-sign quiet", sign));
    return entry(member, member.name, seen, () => this.#shell.person(member.id, member.name), extra);
  }
}

/** In a public room those who are online without being members are shown too. */
function membersOf(state, room) {
  const members = room.info?.members ?? [];
  if (room.kind !== "public") return members;
  const known = new Set(members.map(({ id }) => id));
  return [...members, ...(room.here?.ids ?? []).filter((id) => !known.has(id)).map((id) => person(state, id))];
}

function titleFor(room) {
  const count = room.info?.count ?? 0;
  if (count === 0) return room.kind === "public" ? laterTexts.shellHereNow : laterTexts.shellMembersTitle;
  return `${laterTexts.shellMembersTitle} · ${count}`;
}
