/**
 * Menu of the plus above the room list.
 */
import { laterTexts } from "../../core/later-texts.js";
import { texts } from "../../core/texts.js";
import { openMenu } from "../parts/menu.js";

export function openNewMenu(shell, anchor) {
  openMenu({
    label: texts.shellNew,
    anchor,
    items: [
      { label: laterTexts.shellNewPrivate, icon: "lock", onSelect: () => shell.newRoom("private") },
      { label: laterTexts.shellNewPublic, icon: "room", onSelect: () => shell.newRoom("public") },
      { label: laterTexts.shellNewDirect, icon: "person", onSelect: () => shell.newDirect() },
      null,
      { label: laterTexts.shellBrowse, icon: "search", onSelect: () => shell.directory("") },
    ],
  });
}
