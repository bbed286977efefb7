/**
 * Every sentence about files that are chosen and sent. A catalogue of its own, as nobody needs it before they send one.
 */
import { lazy } from "./lazy.js";

const plural = lazy(() => new Intl.PluralRules("en"));
const list = lazy(() => new Intl.ListFormat("en"));

export const fileTexts = {
  // Choosing.
  attach: "Attach",
  fromPhotos: "Photo or video",
  fromCamera: "Camera",
  fromFiles: "File",
  chosen: "Files to be sent",
  unnamed: "file",
  none: "This server takes no files.",
  offlineYet: "The page is not connected yet. Try again in a moment.",
  newcomer: "You are new here, and cannot send files yet. Come with a name to be known.",
  newcomerUntil: (when) => `You are new here, and cannot send files yet: you can from ${when} on, or when somebody vouches for you.`,
  notHere: "You cannot write in this room now, and send no files either.",
  editing: "An edit changes the text only. Save or cancel it first.",
  folder: "Folders cannot be sent. Choose the files in it, or pack it into an archive.",
  tooLarge: (names, limit) => `${list().format(names.map((name) => `“${name}”`))} ${names.length === 1 ? "is" : "are"} larger than the ${limit} that this server takes.`,
  tooMany: (most) => `A message takes ${most} files at most: the others were left out.`,
  overQuota: (left) => `That is more than the ${left} that you may still send. Files of messages that you delete make room.`,

  // The tray.
  about: (count, size, left) => `${({ one: "1 file", other: `${count} files` })[plural().select(count)]}, ${size}${left ? ` · ${left}` : ""} · not kept if you close the page`,
  left: (size) => `${size} left`,
  item: (name, size, { alt, asFile }) => `${name}, ${size}${asFile ? ", as a file" : ""}${alt ? `, described: ${alt}` : ""}`,
  markFile: "FILE",
  markAlt: "ALT",
  remove: (name) => `Remove ${name}`,
  removeShort: "Remove",
  earlier: "Move forward",
  later: "Move back",
  asFile: "Send as a file: original quality, with its data",
  asPicture: "Send as a picture, without position and device",
  altAdd: "Describe it",
  altChange: "Change the description",
  altTitle: "Description",
  altLabel: "What is to be seen?",
  altHelp: "For people who do not see it, or for whom it does not load.",
  altDone: "Done",

  // What becomes of a transfer.
  broke: "The file does not get through: it breaks off again and again. Try again where the network is better.",
  unreadable: "The file was changed or removed since it was chosen. Edit the message to choose it again.",
  gone: "The server has forgotten what was sent of the file. Try again.",
  unusable: "The server cannot show this picture. It can be sent as a file.",
  diskFull: "The server has no space left for files. Try again later, or ask who runs it.",
  tooMuchForProxy: "Something between here and the server takes no files, however small the parts. Ask who runs this chat.",
  lost: (name) => `The page was closed before “${name}” was sent, and the browser could not keep it. Edit the message to choose it again.`,
  unkept: (name) => `This browser cannot keep “${name}”: leave this page open until it is sent.`,
};
