/**
 * Who may come to the server, and the emergency switch. Part of running the server.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { ADMINISTERS, rankIn } from "../../core/standing.js";
import { until } from "../../core/time.js";
import { button, icon, make } from "../parts/dom.js";
import { field, problem, select } from "../parts/forms.js";

const QUIET_S = [3600, 21600, 86000]; // a day at most, and clocks differ

export class ServerMode {
  #shell;
  #body = make("div", "policy");
  #trouble = problem();
  #facts = "";
  element = make("section", "", make("h3", "", modTexts.modeTitle), this.#body, this.#trouble);

  /** @param {object} shell */
  constructor(shell) {
    this.#shell = shell;
  }

  /** Show this state. */
  render(state, room) {
    const mode = room.info?.mode ?? state.standing.mode;
    const quietUntil = Math.max(room.info?.quietUntil ?? 0, state.standing.quietUntil ?? 0);
    const isQuiet = quietUntil > Date.now();
    const mayChoose = rankIn(state, room, state.me?.id) >= ADMINISTERS;
    const facts = JSON.stringify([mode, isQuiet && quietUntil, mayChoose]);
    if (facts === this.#facts) return;
    this.#facts = facts;
    const hadFocus = this.#body.contains(document.activeElement);
    this.#body.replaceChildren(mayChoose ? this.#choice(mode) : make("div", "about", `${modTexts.modes[mode]}: ${modTexts.modeAbout[mode]}`), isQuiet ? this.#quiet(quietUntil) : this.#switch());
    if (hadFocus) this.#body.querySelector("select, button")?.focus();
  }

  #choice(mode) {
    const choice = select(Object.entries(modTexts.modes), mode);
    choice.addEventListener("change", async () => {
      if (!(await this.#set({ mode: choice.value }))) choice.value = mode;
    });
    return field(modTexts.modeLabel, choice, { help: modTexts.modeAbout[mode] });
  }

  #switch() {
    const buttons = QUIET_S.map((seconds) => button("choice", modTexts.quietFor[seconds], () => this.#set({ quietUntil: Date.now() + seconds * 1000 })));
    const group = make("div", "choice-group",
      make("div", "choice-title", icon("moon"), make("span", "", modTexts.quietTitle)),
      make("div", "about", modTexts.quietAbout),
      make("div", "choice-row", ...buttons));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", modTexts.quietTitle);
    return group;
  }

  #quiet(ends) {
    return make("div", "held", make("span", "", modTexts.quietUntil(until(ends))), button("", modTexts.quietEnd, () => this.#set({ quietUntil: 0 })));
  }

  async #set(changes) {
    const answer = await this.#shell.app.moderation.setMode(changes);
    this.#trouble.textContent = answer.ok ? "" : answer.message;
    return answer.ok;
  }
}
