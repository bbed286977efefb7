/**
 * The open reports: who reports whom, with what the message said, who looks after it, and what can be done. Part of running
 * the server.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { mayDelete } from "../../core/permissions.js";
import { titleOf } from "../../core/select.js";
import { SERVER } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { button, make } from "../parts/dom.js";
import { mayModerate, openModerate } from "./moderate.js";
import { nameOf } from "./moderation.js";

export class ReportList {
  #shell;
  #list = make("ul", "entries reports");
  #none = make("div", "about", modTexts.noReports);
  #facts = "";
  #done = new Map(); // report -> what was done about it here, in words
  element = make("section", "", make("h3", "", modTexts.reports), this.#none, this.#list);

  /** @param {object} shell */
  constructor(shell) {
    this.#shell = shell;
  }

  /** Show these reports. @param {object[]} reports see core/reports.js */
  render(state, reports) {
    this.#none.hidden = reports.length > 0;
    const facts = JSON.stringify(reports.map((one) => [one, this.#around(state, one)]));
    if (facts === this.#facts) return;
    this.#facts = facts;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.#list.replaceChildren(...reports.map((one) => this.#entry(state, one)));
    if (focused) this.#list.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  #around(state, { from, name, person, takenBy, room, target }) {
    const place = room === null ? null : state.rooms.get(room);
    return {
      who: nameOf(state, from, name),
      whom: nameOf(state, person),
      taker: takenBy === null ? null : takenBy === state.me?.id ? texts.you : nameOf(state, takenBy),
      where: room === null ? null : place ? titleOf(state, place) : room,
      isHeard: Boolean(place) || (room !== null && !room.startsWith("~")),
      isJoined: Boolean(place?.isMember),
      isGone: Boolean(place && target !== null && this.#shell.app.copyAt(room, target).message?.isDeleted),
    };
  }

  #entry(state, report) {
    const { who, whom, taker, where, isHeard, isJoined, isGone } = this.#around(state, report);
    const lines = [make("div", "report-top", make("strong", "", modTexts.reportLine(who, whom)), " ", make("span", "quiet", ago(report.atMs)))];
    if (report.why) lines.push(make("div", "", modTexts.reportReason(report.why)));
    if (report.text) {
      const quote = make("blockquote", "report-text", report.text);
      quote.dir = "auto";
      lines.push(quote);
    }
    const about = [where ? modTexts.reportWhere(where) : "", isGone ? modTexts.reportGone : "", taker ? modTexts.reportTaken(taker) : ""].filter(Boolean).join(" · ");
    if (about) lines.push(make("div", "about", about));
    return make("li", "report", ...lines, make("div", "report-buttons", ...this.#buttons(state, report, { whom, isHeard, isJoined })));
  }

  #buttons(state, report, { whom, isHeard, isJoined }) {
    const { app } = this.#shell;
    const { seq, room, target, person, takenBy } = report;
    const buttons = [];
    const add = (key, label, onPress, className = "small-button") => {
      const element = button(className, label, onPress);
      element.dataset.key = `${seq} ${key}`;
      element.setAttribute("aria-label", `${label}: ${whom}`);
      buttons.push(element);
    };
    const resolve = async (what, how) => this.#shell.say(await app.moderation.resolve(seq, what, how));
    if (takenBy === state.me?.id) add("take", modTexts.reportLeave, () => resolve("open"));
    else if (takenBy === null) add("take", modTexts.reportTake, () => resolve("taken"));
    if (target !== null && isHeard) add("show", modTexts.reportShow, () => this.#shell.jump(room, target));
    if (target !== null && isJoined && mayDelete(state, state.rooms.get(room), person)) {
      add("delete", modTexts.reportDelete, async () => {
        const answer = await app.delete(room, target);
        if (answer.ok) this.#note(seq, modTexts.reportDidDelete);
      });
    }
    if (mayModerate(state, person)) add("moderate", modTexts.reportModerate, () => openModerate(this.#shell, person, whom, { scope: SERVER }));
    add("done", modTexts.reportDone, () => resolve("done", this.#done.get(seq)?.join(", ")), "small-button primary");
    return buttons;
  }

  #note(seq, did) {
    this.#done.set(seq, [...(this.#done.get(seq) ?? []), did]);
    this.#shell.toast(modTexts.reportDeleted);
  }
}
