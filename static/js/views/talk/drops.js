/**
 * What is dropped on the page: text and links go into the field. Files cannot be sent yet, and must not take the place of the
 * page, as browsers would have it.
 */
import { laterTexts } from "../../core/later-texts.js";

const isField = (target) => target.closest?.("input, textarea, [contenteditable]") != null;

/** @param {object} shell @param {import("./composer.js").Composer} composer */
export function followDrops(shell, composer) {
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
  // A field takes text by itself; one in a dialog is the only thing that does.
  const isOfField = (event) => !hasFiles(event) && isField(event.target);
  addEventListener("dragover", (event) => {
    if (isOfField(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = hasFiles(event) || document.querySelector("dialog[open]") ? "none" : "copy";
  });
  addEventListener("drop", (event) => {
    if (event.defaultPrevented || isOfField(event)) return;
    event.preventDefault();
    if (hasFiles(event)) shell.toast(laterTexts.talkNoFiles, { isBad: true });
    else if (!document.querySelector("dialog[open]")) composer.insert(textOf(event.dataTransfer));
  });
}

/** Links are dropped as their addresses, a line each; lines with # are comments. */
function textOf(dropped) {
  const links = dropped.getData("text/uri-list").split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return links.length > 0 ? links.join(" ") : dropped.getData("text/plain").replace(/\r\n?/g, "\n");
}
