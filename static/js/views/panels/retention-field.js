/**
 * Choice of how long a room keeps its messages, which is not longer than the server does. It takes effect at once; fewer
 * days are asked about first, since what is deleted does not come back.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { policyOf, retentionOf } from "../../core/standing.js";
import { confirm } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { field, problem, select } from "../parts/forms.js";

const DAYS = [0, 1, 7, 30, 365];

/** @param {object} shell @param {string} roomName */
export function retentionField(shell, roomName) {
  const { app } = shell;
  const longest = app.state.retentionDays || Infinity;
  const days = () => retentionOf(app.state, app.state.rooms.get(roomName));
  const present = () => {
    const own = policyOf(app.state.rooms.get(roomName), "retention_days");
    return own < longest ? own : 0;
  };
  const offered = new Set([...DAYS.filter((few) => few < longest), present()]);
  const trouble = problem();
  const choice = select(
    [...offered].sort((a, b) => a - b).map((few) => [String(few), modTexts.retentionAfter(few, app.state.retentionDays)]),
    String(present()),
  );
  choice.dataset.setting = "retention_days";
  choice.addEventListener("change", async () => {
    const few = Number(choice.value);
    const isSure = few === 0 || (days() > 0 && few >= days()) || (await isMeant(few));
    const answer = isSure && (await app.setRoom(roomName, { retention_days: few }));
    trouble.textContent = answer && !answer.ok ? answer.message : "";
    if (!answer?.ok) choice.value = String(present());
  });
  return make("div", "", field(modTexts.retention, choice), trouble);
}

const isMeant = (days) =>
  confirm({
    title: modTexts.retentionTitle,
    text: modTexts.retentionText(days),
    yes: modTexts.retentionYes(days),
    no: laterTexts.shellCancel,
    isDanger: true,
  });
