/**
 * Running the server: who waits, reports, who may come, who is muted or banned, who runs it, and its log. The room info of the server room.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { rolesToGive } from "../../core/permissions.js";
import { ADMINISTERS, SERVER, rankIn } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { makeAvatar } from "../parts/avatar.js";
import { button, icon, make } from "../parts/dom.js";
import { faceOf } from "./moderation.js";
import { pickPerson } from "./pick-person.js";
import { ReportList } from "./report-list.js";
import { RestrictedList } from "./restricted-list.js";
import { roleField } from "./role-field.js";
import { saveLog } from "./server-log.js";
import { ServerMode } from "./server-mode.js";
import { WaitingList } from "./waiting-list.js";

export class ServerParts {
  #shell;
  #waiting;
  #reports;
  #mode;
  #restricted;
  #staff = make("ul", "entries");
  #staffFacts = "";
  #add;
  element;

  /** @param {object} shell */
  constructor(shell) {
    this.#shell = shell;
    this.#waiting = new WaitingList(shell, SERVER);
    this.#reports = new ReportList(shell);
    this.#mode = new ServerMode(shell);
    this.#restricted = new RestrictedList(shell, SERVER);
    this.#add = button("row-button", "", () => this.#addStaff());
    this.#add.append(icon("plus"), make("span", "", modTexts.addStaff));
    const save = button("row-button", "", () => saveLog(shell));
    save.append(icon("copy"), make("span", "", modTexts.saveLog));
    this.element = make("div", "server-parts",
      this.#waiting.element,
      this.#reports.element,
      this.#mode.element,
      make("section", "", make("h3", "", modTexts.staff), this.#staff, this.#add),
      this.#restricted.element,
      make("section", "", make("h3", "", modTexts.log), make("div", "about", modTexts.logText), save),
      make("section", "", make("h3", "", modTexts.readsTitle), make("div", "about", modTexts.readsText)),
    );
  }

  /** Show this state. */
  render(state, room) {
    const { members = [], restricted = [], knocking = [] } = room.info ?? {};
    this.#waiting.render(state, knocking);
    this.#reports.render(state, room.reports ?? []);
    this.#mode.render(state, room);
    this.#restricted.render(state, restricted);
    this.#add.hidden = rankIn(state, room, state.me?.id) < ADMINISTERS;
    const facts = JSON.stringify([members, members.map(({ id }) => faceOf(state, id)), room.role]);
    if (facts === this.#staffFacts) return;
    this.#staffFacts = facts;
    this.#staff.replaceChildren(...members.map((member) => this.#entry(state, room, member)));
  }

  #entry(state, room, { id, role }) {
    const face = faceOf(state, id);
    const label = make("span", "entry-text", make("bdi", "entry-title", id === state.me?.id ? texts.you : face.name));
    const may = rolesToGive(state, room, id).length > 0;
    const sign = may ? roleField(this.#shell, SERVER, id, { isBare: true }) : make("span", "entry-sign quiet", modTexts.serverRoles[role ?? "member"]);
    return make("li", "decision", makeAvatar(face), label, sign);
  }

  #addStaff() {
    return pickPerson(this.#shell, {
      title: modTexts.addStaff,
      text: modTexts.addStaffText,
      onChoose: async (id) => {
        this.#shell.person(id);
        return null;
      },
    });
  }
}
