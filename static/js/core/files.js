/**
 * Files of a message: what is told of each, what kind of thing it is, and the message in one line. What only views of files
 * need is in file-facts.js. Pure.
 *
 * @typedef {{n: number, name: string, mediaType: string, bytes: number, width: number, height: number, blur: string,
 *   previews: number[], isAnimated: boolean, voice: {ms: number, peaks: string}|null, asFile: boolean, alt: string,
 *   local?: string, progress?: number, of?: {room: string, seq: number, n: number}}} File the nth file of its message. In the
 *   outbox: the address of the person's own copy, how much is uploaded (0 to 1), or which one is forwarded
 */
import { plainLine } from "./format.js";
import { texts } from "./texts.js";

const NONE = Object.freeze([]);
const LINE_LENGTH = 200;

// What browsers show; of anything else the server says that it is to be saved.
const SHOWN = /^(?:image(?=\/(?:jpeg|png|gif|webp|avif)$)|video(?=\/(?:mp4|webm)$)|audio(?=\/))/;

const DEFAULTS = { mediaType: "", bytes: 0, width: 0, height: 0, blur: "", previews: NONE, isAnimated: false, voice: null, asFile: false, alt: "" };

/** The files that a frame tells of. @returns {File[]} */
export const filesOf = (told = NONE) =>
  told.map(({ media_type: mediaType, animated: isAnimated = false, as_file: asFile = false, ...rest }, n) => ({ ...DEFAULTS, ...rest, mediaType, isAnimated, asFile, n }));

/** The files of an entry of the outbox, as those of a message. @returns {File[]} */
export const waitingFiles = ({ files = NONE }) => files.map((file, n) => ({ ...DEFAULTS, ...file, n }));

/** @param {File} file @returns {"image"|"video"|"audio"|"voice"|"file"} */
export function kindOf({ asFile, voice, mediaType, width, local }) {
  if (asFile) return "file";
  if (voice) return "voice";
  const [kind = "file"] = SHOWN.exec(mediaType) ?? [];
  return kind === "image" && !width && !local ? "file" : kind; // the server could make nothing of it
}

/** Whether it stands among the pictures of its message: a picture or a video. */
export const isVisual = (file) => ["image", "video"].includes(kindOf(file));

/** The address of a small picture of what a logged message shows first; "": it shows nothing. */
export function thumbOf(room, { seq, files = NONE }) {
  const file = files.find((one) => one.previews[0] || kindOf(one) === "image");
  return file ? `files/${encodeURIComponent(room)}/${seq}/${file.n}/x?size=${file.previews[0] ?? ""}` : "";
}

/** A message as one line of plain text; its files are named by a sign, and in words where nothing is written. */
export function lineOf({ text, files = NONE }) {
  const line = plainLine(text.slice(0, LINE_LENGTH));
  if (files.length === 0) return line;
  const kinds = files.map(kindOf);
  const kind = kinds.every((one) => one === kinds[0]) ? kinds[0] : files.every(isVisual) ? "visual" : "file";
  return `${texts.fileSigns[kind]} ${line || texts.fileWords[kind](files)}`;
}
