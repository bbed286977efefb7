/**
 * What is dropped on the page: files go along with the message, wherever they are dropped, text and links into the field. Nothing
 * of it may take the place of the page, as browsers would have it.
 */
import { laterTexts } from "../../core/later-texts.js";
import { icon, make } from "../parts/dom.js";

const LEFT_MS = 200; // browsers tell several times a second that something is dragged over the page

const isField = (target) => target.closest?.("input, textarea, [contenteditable]") != null;

/**
 * @param {import("./composer.js").Composer} composer
 * @param {HTMLElement} room what is said to be the target @param {(files: File[], folders: number) => void} onFiles
 */
export function followDrops(composer, room, onFiles) {
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
  const isShut = () => document.querySelector("dialog[open]") !== null;
  // A field takes text by itself; one in a dialog is the only thing that does.
  const isOfField = (event) => !hasFiles(event) && isField(event.target);
  const overlay = make("div", "drop-overlay", icon("clip"), make("span", "", laterTexts.attachDrop));
  let timer = null;
  const hide = () => {
    clearTimeout(timer);
    overlay.remove();
  };
  const show = () => {
    clearTimeout(timer);
    timer = setTimeout(hide, LEFT_MS);
    if (!overlay.isConnected) room.append(overlay);
  };
  addEventListener("dragover", (event) => {
    if (isOfField(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isShut() ? "none" : "copy";
    if (hasFiles(event) && !isShut()) show();
  });
  addEventListener("drop", (event) => {
    hide();
    if (event.defaultPrevented || isOfField(event)) return;
    event.preventDefault();
    if (isShut()) return;
    if (hasFiles(event)) onFiles(...filesOf(event.dataTransfer));
    else composer.insert(textOf(event.dataTransfer));
  });
}

/** The files, and how many folders there were, which browsers give as files that cannot be read. */
function filesOf({ items, files }) {
  const entries = Array.from(items).filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry?.());
  const isFolder = (index) => entries[index]?.isDirectory ?? false;
  const good = Array.from(files).filter((_, index) => !isFolder(index));
  return [good, files.length - good.length];
}

/** Links are dropped as their addresses, a line each; lines with # are comments. */
function textOf(dropped) {
  const links = dropped.getData("text/uri-list").split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return links.length > 0 ? links.join(" ") : dropped.getData("text/plain").replace(/\r\n?/g, "\n");
}
