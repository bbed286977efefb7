/**
 * Dialog of the help: keys, slash commands, formatting.
 */
import { helpTexts } from "../../core/help-texts.js";
import { COMMANDS } from "../../core/slash.js";
import { openDialog } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { needStyles } from "../parts/forms.js";

export async function openHelp() {
  await needStyles();
  const { element } = openDialog({
    title: helpTexts.shellHelpTitle,
    className: "help",
    content: [
      section(helpTexts.shellHelpKeys, [...helpTexts.shellKeys, ...(helpTexts.talkKeys ?? [])], "kbd"),
      section(helpTexts.shellHelpCommands, COMMANDS.map(({ usage, about }) => [usage, about]), "code"),
      section(helpTexts.shellHelpFormat, helpTexts.shellFormats, "code"),
    ],
  });
  element.querySelector(".dialog-body").tabIndex = 0; // it may be higher than the screen, and scrolls by keyboard then
}

function section(title, pairs, tag) {
  const list = make("dl", "pairs");
  for (const [sign, meaning] of pairs) {
    const signs = tag === "kbd" ? sign.split("  ") : [sign];
    list.append(make("div", "", make("dt", "", ...signs.map((one) => make(tag, "", one))), make("dd", "", meaning)));
  }
  return make("section", "", make("h3", "", title), list);
}
