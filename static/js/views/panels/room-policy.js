/**
 * How a room is run: to its moderators as choices, each of which takes effect at once; to all others as sentences. Part of
 * the room info.
 */
import { modTexts } from "../../core/moderation-texts.js";
import { maySetPolicy, rolesToGive } from "../../core/permissions.js";
import { DEFAULT_POLICY, policyOf, roleIn } from "../../core/standing.js";
import { make } from "../parts/dom.js";
import { field, problem, select } from "../parts/forms.js";
import { retentionField } from "./retention-field.js";
import { roleField } from "./role-field.js";

const SLOW_S = [0, 10, 30, 60, 300, 900, 3600, 21600];

export class RoomPolicy {
  #shell;
  #name;
  #title = make("h3", "", modTexts.policy);
  #body = make("div", "policy");
  #trouble = problem();
  #facts = "";
  element = make("section", "", this.#title, this.#body, this.#trouble);

  /** @param {object} shell @param {string} name of the room */
  constructor(shell, name) {
    this.#shell = shell;
    this.#name = name;
  }

  /** Show this state. */
  render(state, room) {
    const may = maySetPolicy(state, room);
    const ownRoles = rolesToGive(state, room, state.me?.id).length > 0;
    const facts = JSON.stringify([may, ownRoles, room.kind, room.policy, state.retentionDays, roleIn(state, room, state.me?.id)]);
    if (facts === this.#facts) return;
    this.#facts = facts;
    const hadFocus = this.#body.contains(document.activeElement) ? document.activeElement.dataset.setting : null;
    const content = may ? this.#choices(room) : rulesOf(room).map((rule) => make("div", "about", rule));
    if (ownRoles) content.push(roleField(this.#shell, room.name, state.me.id));
    this.element.hidden = content.length === 0;
    this.#body.replaceChildren(...content);
    if (hadFocus) this.#body.querySelector(`[data-setting="${hadFocus}"]`)?.focus();
  }

  #choices(room) {
    const slow = new Set([...SLOW_S, policyOf(room, "slow_s")]);
    const names = Object.keys(modTexts.policies).filter((name) => room.kind === "private" || !["joining", "inviting"].includes(name));
    return [
      this.#choice(room, "slow_s", modTexts.slow, [...slow].sort((a, b) => a - b).map((seconds) => [String(seconds), modTexts.slowEvery(seconds)])),
      ...names.map((name) => {
        const { label, options } = modTexts.policies[name];
        return this.#choice(room, name, label, Object.entries(options));
      }),
      retentionField(this.#shell, this.#name),
    ];
  }

  #choice(room, name, label, options) {
    const present = String(policyOf(room, name));
    const choice = select(options, present);
    choice.dataset.setting = name;
    choice.addEventListener("change", async () => {
      const value = typeof DEFAULT_POLICY[name] === "number" ? Number(choice.value) : choice.value;
      const answer = await this.#shell.app.setRoom(this.#name, { [name]: value });
      this.#trouble.textContent = answer.ok ? "" : answer.message;
      if (!answer.ok) choice.value = present;
    });
    return field(label, choice);
  }
}

/** What a member has to know: a sentence for each setting that is not at its default. (The head says how long messages stay.) */
function rulesOf(room) {
  return Object.entries(room.policy)
    .filter(([name]) => name !== "retention_days")
    .map(([name, value]) => (name === "slow_s" ? modTexts.ruleSlow(value) : modTexts.rules[name]));
}
