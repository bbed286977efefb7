/**
 * What keeps the person from writing in the open room, above the composer or in its place: only moderators write, a mute,
 * slow mode. What was refused for such a reason is a draft again.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { openRoom } from "../../core/select.js";
import { writingIn } from "../../core/permissions.js";
import { until } from "../../core/time.js";
import { icon, make } from "../parts/dom.js";

const STEP_MS = 1_000;
const TAKEN_BACK = new Set(["muted", "announcements", "slow", "quiet"]);
const ICONS = { muted: "mute", announcements: "megaphone", slow: "clock", quiet: "moon" };

export class WritingState {
  #app;
  #form;
  #icon = icon("none");
  #text = make("span", "writing-text");
  #countdown = make("span", "writing-countdown");
  #element;
  #timer = null;

  /** @param {import("../../app/app.js").App} app @param {HTMLFormElement} form the composer @param {HTMLElement} parent */
  constructor(app, form, parent) {
    this.#app = app;
    this.#form = form;
    this.#countdown.setAttribute("aria-hidden", "true"); // each second anew: whoever hears it is told when they send
    this.#text.setAttribute("role", "status");
    this.#element = make("div", "writing-state", this.#icon, this.#text, this.#countdown);
    this.#element.hidden = true;
    parent.append(this.#element);
  }

  /** Show this state. */
  render(state) {
    const refused = state.outbox.find((one) => one.status === "failed" && one.command === "send" && TAKEN_BACK.has(one.code) && !one.files);
    if (refused) this.#takeBack(refused);
    clearTimeout(this.#timer);
    const now = Date.now();
    const room = openRoom(state);
    const writing = writingIn(state, room, now);
    if (writing.until > now && writing.until !== Infinity) this.#timer = setTimeout(() => this.render(this.#app.state), Math.min(STEP_MS, writing.until - now));
    const { kind } = writing;
    this.#form.dataset.writing = writing.isGuess ? "open" : kind;
    this.#element.hidden = !(kind in ICONS);
    if (this.#element.hidden) return this.#show("", "");
    this.#element.dataset.kind = this.#icon.dataset.icon = ICONS[kind];
    const hasDraft = state.drafts.has(state.open);
    const seconds = Math.ceil((writing.until - now) / 1000);
    if (kind === "slow") this.#show(modTexts.slowNow, modTexts.slowSeconds(seconds));
    else this.#show((kind === "quiet" ? modTexts.quietNow(until(writing.until, now)) : kind === "muted" ? modTexts.youMuted(writing.until === Infinity ? "" : until(writing.until, now)) : modTexts.announcements)
      + (hasDraft ? ` ${modTexts.draftKept}` : ""), "");
  }

  /** A refused message becomes a draft again. */
  #takeBack({ id, room, text }) {
    const draft = this.#app.state.drafts.get(room) ?? "";
    this.#app.setDraft(room, draft === "" ? text : `${text} ${draft}`);
    this.#app.discard(id);
  }

  #show(text, countdown) {
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (this.#countdown.textContent !== countdown) this.#countdown.textContent = countdown;
  }
}
