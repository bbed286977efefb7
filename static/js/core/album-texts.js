/**
 * Every sentence of what shows files: in messages, full screen, in the album of a room.
 */
import { lazy } from "./lazy.js";

const number = lazy(() => new Intl.NumberFormat("en"));

export const albumTexts = {
  // In a message.
  photo: (alt) => (alt ? `Photo: ${alt}` : "Photo"),
  animated: (alt) => (alt ? `GIF: ${alt}` : "GIF"),
  video: (name) => `Video: ${name}`,
  playVideo: (name) => `Play video: ${name}`,
  more: (count) => `+${number().format(count)}`,
  andMore: (label, count) => `${label}, and ${number().format(count)} more`,
  gif: "GIF",
  voice: (name) => `Voice message of ${name}`,
  sound: (name) => `Sound: ${name}`,
  save: (name, size) => `Save ${name}, ${size}`,
  waiting: (name, size) => `${name}, ${size}`,
  cancel: (files) => (files.length > 1 ? `Do not send these ${number().format(files.length)} files` : `Do not send ${files[0].name}`),
  retry: (files) => (files.length > 1 ? `Send these ${number().format(files.length)} files again` : `Send ${files[0].name} again`),
  gone: "This file is not there any more",
  offline: "It is shown when there is a connection",
  failed: "It could not be loaded. Press to try again",

  // Full screen.
  fullScreen: "Pictures and videos",
  previous: "Previous",
  next: "Next",
  saveShort: "Save",
  toMessage: "Show in the conversation",
  // The album of a room.
  album: "Pictures, files, links",
  albumShort: "Files",
  albumTabs: "What is shown of the room",
  back: "Back to the room's info",
  pictures: "Pictures",
  files: "Files",
  links: "Links",
  noPictures: "No pictures or videos here yet.",
  noFiles: "No files here yet.",
  noLinks: "No links here yet.",
  loadMore: "Show older ones",
  ofWhom: (label, who, when) => `${label}, ${who}, ${when}`,

  // What can be done with them.
  saveAll: (count) => `Save all ${number().format(count)}`,
  copyPicture: "Copy picture",
  copied: "The picture was copied",
  notCopied: "The browser did not copy the picture.",
  facts: (name, size, pixels) => [name, pixels, size].filter(Boolean).join(" · "),

  notShown: "This cannot be shown. It may not be there any more.",
};
