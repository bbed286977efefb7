/**
 * Menu of the plus above the room list.
 */
import { texts } from "../../core/texts.js";
import { openMenu } from "../parts/menu.js";

export function openNewMenu(shell, anchor) {
  openMenu({
    label: texts.shellNew,
    anchor,
    items: [
      { label: texts.shellNewPrivate, icon: "lock", onSelect: () => shell.newRoom("private") },
      { label: texts.shellNewPublic, icon: "room", onSelect: () => shell.newRoom("public") },
      { label: texts.shellNewDirect, icon: "person", onSelect: () => shell.newDirect() },
      null,
      { label: texts.shellBrowse, icon: "search", onSelect: () => shell.directory("") },
    ],
  });
}
