/**
 * The room list: the newest first, each with its last message, time and unread counts. Only rows that changed are
 * touched, so that hundreds of rooms cost no more than the one that changed.
 */
import { avatarOf, roomList, typingIn, unreadOf } from "../../core/around.js";
import { lastMessageOf } from "../../core/copies.js";
import { fold } from "../../core/fold.js";
import { lineOf as lineOfMessage } from "../../core/files.js";
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { waitingIn } from "../../core/permissions.js";
import { isBlocked, isPinnedRoom, levelOf, person, tickOf, titleOf } from "../../core/select.js";
import { SERVER } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { clock, dayLabel, dayNumber } from "../../core/time.js";
import { updateAvatar } from "../parts/avatar.js";
import { button, icon, make, onKeydown } from "../parts/dom.js";
import { followTouch } from "../parts/touch.js";

const SHARED = ["people", "mine", "open", "drafts", "me", "outbox", "requests", "day"]; // the parts of the state that rows show
const MANY = 100; // the server counts no further
const LINE_LENGTH = 120;
const KINDS = { private: "lock", public: "room" }; // icons; people have their faces
const FEW = 16; // in private rooms of so many members the server tells who has received and read what, also of those that are not open

export class RoomList {
  #requests;
  #list = make("ul", "room-list");
  #nothing = make("div", "rail-hint");
  #filter;
  #rows = new Map(); // name -> {element, room, facts, …}
  #around = []; // what all rows depend on, beside their rooms
  #rendered = null;
  #onOpen;
  #onBrowse;
  #onLeave;

  /**
   * @param {HTMLElement} box @param {HTMLInputElement} filter
   * @param {{onOpen(name: string): void, onBrowse(query: string): void, onRequests(): void, onLeave(): void,
   *   onMenu(name: string, at: Element|{x: number, y: number}): void}} handlers
   *   onLeave: Escape in the empty filter
   */
  constructor(box, filter, { onOpen, onBrowse, onRequests, onLeave, onMenu }) {
    this.#filter = filter;
    this.#onOpen = onOpen;
    this.#onBrowse = onBrowse;
    this.#onLeave = onLeave;
    this.#requests = button("requests-row", "", onRequests);
    this.#requests.hidden = true;
    box.append(this.#requests, this.#list, this.#nothing);
    this.#list.addEventListener("click", (event) => this.#press(event));
    followTouch(this.#list, { selector: "a", onHold: (link, at) => onMenu(link.dataset.room, at ?? link) });
    onKeydown(this.#list, (event) => this.#onKey(event));
    filter.addEventListener("input", () => this.#arrange());
    onKeydown(filter, (event) => this.#onFilterKey(event));
  }

  /** Show this state. */
  render(state) {
    const before = this.#rendered;
    if (before?.rooms === state.rooms && SHARED.every((field) => before[field] === state[field])) return;
    this.#rendered = state;
    if (before?.requests !== state.requests) this.#showRequests(state.requests.size);
    this.#arrange();
  }

  /** The room `step` places below the open one (above if negative), or the next unread one in that direction. */
  neighbour(step, isUnreadOnly = false) {
    const shown = this.#shownRooms();
    const start = shown.findIndex(({ name }) => name === this.#rendered.open);
    for (let index = start + step; index >= 0 && index < shown.length; index += step) {
      const { count, isMarkedUnread } = unreadOf(shown[index], this.#rendered);
      if (!isUnreadOnly || count > 0 || isMarkedUnread) return shown[index].name;
    }
    return null;
  }

  #showRequests(count) {
    this.#requests.hidden = count === 0;
    this.#requests.replaceChildren(icon("person"), make("span", "", laterTexts.shellRequests(count)));
  }

  #shownRooms() {
    const query = fold(this.#filter.value.trim());
    const rooms = roomList(this.#rendered);
    return query === "" ? rooms : rooms.filter((room) => fold(titleOf(this.#rendered, room)).includes(query));
  }

  #arrange() {
    const state = this.#rendered;
    if (!state) return;
    const rooms = this.#shownRooms();
    const wanted = new Set(rooms.map(({ name }) => name));
    for (const [name, { element }] of this.#rows) {
      if (wanted.has(name)) continue;
      element.remove();
      if (!state.rooms.get(name)?.isMember) this.#rows.delete(name);
    }
    const minute = Math.floor(Date.now() / 60_000); // today becomes yesterday, and what was muted for a while speaks again
    const around = [...SHARED.map((field) => state[field]), minute];
    const isSame = around.every((value, index) => value === this.#around[index]);
    this.#around = around;
    let place = this.#list.firstChild;
    for (const room of rooms) {
      const known = this.#rows.get(room.name);
      const { element } = isSame && known?.room === room ? known : this.#row(state, room);
      if (element === place) place = place.nextSibling;
      else this.#list.insertBefore(element, place);
    }
    this.#hint(state, rooms);
  }

  /** A hint where the list is empty or has only the lobby. */
  #hint(state, rooms) {
    const query = this.#filter.value.trim();
    const isLonely = query === "" && state.isListed && rooms.length < 2;
    const kind = query !== "" && rooms.length === 0 ? "nothing" : isLonely ? "lonely" : "none";
    if (this.#nothing.dataset.kind === kind) return;
    this.#nothing.dataset.kind = kind;
    this.#nothing.hidden = kind === "none";
    const browse = make("button", "link-button", laterTexts.shellBrowse);
    browse.type = "button";
    browse.addEventListener("click", () => this.#onBrowse(this.#filter.value.trim()));
    this.#nothing.replaceChildren(make("div", "", kind === "nothing" ? laterTexts.shellNoSuchRoom : laterTexts.shellLonely), browse);
  }

  #row(state, room) {
    const facts = factsOf(state, room);
    let row = this.#rows.get(room.name);
    if (!row) this.#rows.set(room.name, (row = makeRow(room.name)));
    if (!row.facts || Object.keys(facts).some((key) => facts[key] !== row.facts[key])) updateRow(row, facts);
    row.facts = facts;
    row.room = room;
    return row;
  }

  #press(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab is the browser's business
    event.preventDefault();
    this.#onOpen(link.dataset.room);
  }

  #onKey(event) {
    const links = [...this.#list.querySelectorAll("a")];
    const here = links.indexOf(document.activeElement);
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    if (next < 0) this.#filter.focus();
    else links[next]?.focus();
  }

  #onFilterKey(event) {
    const first = this.#list.querySelector("a");
    if (event.key === "ArrowDown" && first) first.focus();
    else if (event.key === "Enter" && first && this.#filter.value.trim() !== "") this.#onOpen(first.dataset.room);
    else if (event.key === "Escape" && this.#filter.value !== "") this.clearFilter();
    else if (event.key === "Escape") this.#onLeave();
    else return;
    event.preventDefault();
  }

  /** Show all rooms again. */
  clearFilter() {
    if (this.#filter.value === "") return;
    this.#filter.value = "";
    this.#arrange();
  }
}

/** All that a row shows, as plain values. */
function factsOf(state, room) {
  const { count, mentions, isMarkedUnread } = unreadOf(room, state);
  const level = levelOf(state, room.name, Date.now());
  const { message, ...line } = lineOf(state, room);
  return {
    ...avatarOf(state, room),
    title: titleOf(state, room),
    when: room.lastMessage ? shortTime(room.lastMessage.atMs) : "",
    kind: room.with || room.name === SERVER ? "" : room.kind,
    ...line,
    status: sendingIn(state, room) || tickIn(state, room, message),
    isPinned: isPinnedRoom(state, room.name),
    count,
    waiting: waitingIn(state, room).length,
    reports: room.reports?.length ?? 0,
    hasMention: mentions > 0,
    isMarkedUnread,
    isMuted: level !== "all",
    isOpen: room.name === state.open,
    isHere: room.kind === "direct" && Boolean(person(state, room.with).here),
  };
}

/** What keeps a message of the room from having been sent: "failed", "waiting", or "". */
function sendingIn(state, room) {
  const statuses = state.outbox.filter((entry) => entry.room === room.name && entry.command === "send").map(({ status }) => status);
  return ["failed", "waiting"].find((status) => statuses.includes(status)) ?? "";
}

/** How far the message in the line has come, if it is the person's own and the server tells: "sent", "delivered", "read", or "". */
function tickIn(state, room, message) {
  const isTold = room.kind !== "public" && room.members <= FEW;
  return (isTold && message && tickOf(state, room, message)) || "";
}

/** The line below the title: who is typing, as far as the page is told (in the room it watches), else the draft, else the last message. */
function lineOf(state, room) {
  const typing = typingIn(state, room, Date.now());
  if (typing.length > 0) return { lead: "", line: laterTexts.shellTyping(typing), look: "typing" };
  const draft = state.drafts.get(room.name);
  if (draft && room.name !== state.open) return { lead: laterTexts.shellDraft, line: draft.slice(0, LINE_LENGTH), look: "draft" };
  const message = lastMessageOf(state, room);
  if (!message) return { lead: "", line: room.topic || (room.name === SERVER ? modTexts.serverLine : room.lastMessage ? "" : laterTexts.shellNothingYet), look: "quiet" };
  const isOwn = message.from === state.me?.id;
  const who = isOwn ? texts.you : room.kind === "direct" ? "" : person(state, message.from, message.name).name;
  const lead = who === "" ? "" : laterTexts.shellLead(who);
  if (!isOwn && isBlocked(state, message.from)) return { lead: "", line: laterTexts.shellBlockedLine, look: "quiet" };
  if (message.isDeleted) return { lead, line: laterTexts.shellDeleted, look: "quiet" };
  return { lead, line: lineOfMessage(message), look: "", message };
}

const shortTime = (ms) => (dayNumber(ms) === dayNumber(Date.now()) ? clock(ms) : dayLabel(ms));

function makeRow(name) {
  const avatar = make("span", "avatar");
  avatar.setAttribute("aria-hidden", "true");
  const title = make("bdi", "row-title");
  title.dir = "auto";
  const when = make("span", "row-when");
  const kind = make("span", "row-kind");
  const status = make("span", "row-status");
  const pinned = make("span", "row-sign row-pinned", icon("pin"), make("span", "unseen", laterTexts.shellPinned));
  const lead = make("bdi", "row-lead");
  const text = make("bdi", "row-text");
  const muted = make("span", "row-sign row-muted", icon("bell-off"), make("span", "unseen", laterTexts.shellMuted));
  const badges = make("span", "row-badges");
  const link = make(
    "a", "row", avatar,
    make("span", "row-top", kind, title, " ", muted, pinned, when), " ", // the spaces are for those who hear it
    make("span", "row-bottom", make("span", "row-line", status, lead, " ", text), " ", badges),
  );
  link.href = `#room=${encodeURIComponent(name)}`;
  link.dataset.room = name;
  return { element: make("li", "", link), link, avatar, kind, title, when, status, lead, text, muted, pinned, badges, room: null, facts: null };
}

function updateRow(row, facts) {
  updateAvatar(row.avatar, facts);
  row.avatar.classList.toggle("seal", facts.isSeal);
  row.avatar.classList.toggle("here", facts.isHere);
  row.title.textContent = facts.title;
  if (row.facts?.kind !== facts.kind) row.kind.replaceChildren(...(facts.kind in KINDS ? [icon(KINDS[facts.kind])] : []));
  row.status.dataset.status = facts.status;
  row.status.replaceChildren(...statusOf(facts.status));
  row.when.textContent = facts.when;
  row.lead.textContent = facts.lead;
  row.text.textContent = facts.line;
  row.muted.hidden = !facts.isMuted;
  row.pinned.hidden = !facts.isPinned;
  row.link.dataset.look = facts.look;
  row.link.classList.toggle("unread", facts.count > 0 || facts.isMarkedUnread);
  row.link.classList.toggle("muted", facts.isMuted);
  if (facts.isOpen) row.link.setAttribute("aria-current", "true");
  else row.link.removeAttribute("aria-current");
  row.badges.replaceChildren(...badgesOf(facts));
}

function statusOf(status) {
  if (status === "") return [];
  const sign = status === "failed" ? "!" : make("span", "status");
  return [sign, make("span", "unseen", `${texts.status[status]}: `)];
}

function badgesOf({ count, hasMention, isMarkedUnread, waiting, reports }) {
  const badges = [];
  if (reports > 0) badges.push(badge("reports", String(reports), modTexts.openReports(reports)));
  if (waiting > 0) badges.push(badge("waiting", String(waiting), modTexts.wait(waiting)));
  if (hasMention) badges.push(badge("mention", "@", laterTexts.shellMentioned));
  if (count > 0) badges.push(badge("count", count >= MANY ? `${MANY - 1}+` : String(count), laterTexts.shellUnread(count)));
  else if (isMarkedUnread) badges.push(badge("count dot", "", laterTexts.shellMarkedUnread));
  return badges;
}

function badge(className, sign, label) {
  const shown = make("span", "", sign);
  shown.setAttribute("aria-hidden", "true");
  return make("span", `badge ${className}`, shown, make("span", "unseen", ` ${label}`));
}
