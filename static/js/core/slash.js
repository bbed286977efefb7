/**
 * Slash commands: `/topic Lunch at noon`. Pure: parses them, runs nothing.
 *
 * @typedef {{kind: "text", text: string}} Text to be sent as a message
 * @typedef {{kind: "command", command: string, argument: string}} Command to be done by the page
 * @typedef {{kind: "error", message: string}} Problem to be told; nothing is sent
 */
import { helpTexts } from "./help-texts.js";

const SHRUG = "¯\\_(ツ)_/¯";
const COMMAND = /^\/(\p{L}[\p{L}\p{N}_-]*)(?:\s+|$)/u;
const FARTHEST_TYPO = 2;

/** All commands in the order of the help sheet: `name`, `usage`, `about`; `needs` an argument or not. */
export const COMMANDS = [
  { name: "me", usage: helpTexts.slashMeUsage, about: helpTexts.slashMe, needs: true },
  { name: "shrug", usage: helpTexts.slashShrugUsage, about: helpTexts.slashShrug, needs: false },
  { name: "nick", usage: helpTexts.slashNickUsage, about: helpTexts.slashNick, needs: true },
  { name: "topic", usage: helpTexts.slashTopicUsage, about: helpTexts.slashTopic, needs: true },
  { name: "title", usage: helpTexts.slashTitleUsage, about: helpTexts.slashTitle, needs: true },
  { name: "invite", usage: helpTexts.slashInviteUsage, about: helpTexts.slashInvite, needs: false },
  { name: "search", usage: helpTexts.slashSearchUsage, about: helpTexts.slashSearch, needs: false },
  { name: "leave", usage: helpTexts.slashLeaveUsage, about: helpTexts.slashLeave, needs: false },
  { name: "help", usage: helpTexts.slashHelpUsage, about: helpTexts.slashHelp, needs: false },
];

/**
 * Parse what was typed. `/usr/bin` is a text, and so is what begins with `//`, without its first slash.
 * @param {string} text
 * @returns {Text|Command|Problem}
 */
export function parseSlash(text) {
  if (text.startsWith("//")) return { kind: "text", text: text.slice(1) };
  const match = COMMAND.exec(text);
  if (!match) return { kind: "text", text };
  const name = match[1].toLowerCase();
  const argument = text.slice(match[0].length).trim();
  const command = COMMANDS.find((each) => each.name === name);
  if (!command) return { kind: "error", message: helpTexts.slashUnknown(match[1], nearest(name)) };
  if (command.needs && argument === "") return { kind: "error", message: helpTexts.slashNeeds(command.usage) };
  if (name === "me") return { kind: "text", text: `/me ${argument}` };
  if (name === "shrug") return { kind: "text", text: argument ? `${argument} ${SHRUG}` : SHRUG };
  return { kind: "command", command: name, argument };
}

/** The commands that begin with the text before the caret, while there is no other text: "/to" -> topic. */
export function slashCandidates(text, caret) {
  const typed = /^\/(\p{L}*)$/u.exec(text.slice(0, caret));
  return typed ? COMMANDS.filter(({ name }) => name.startsWith(typed[1].toLowerCase())) : [];
}

/** The command that was probably meant by this name, or null. */
function nearest(name) {
  let best = null;
  let least = FARTHEST_TYPO + 1;
  for (const command of COMMANDS) {
    const far = distance(name.slice(0, 20), command.name);
    if (far < Math.min(least, command.name.length - 1)) [best, least] = [command.name, far];
  }
  return best;
}

/** How many letters must be changed, put in or left out (Levenshtein). */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1);
}
