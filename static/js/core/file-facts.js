/**
 * What views of files need to know of one: its address, which preview fits, its size in words. Pure.
 */
import { kindOf } from "./files.js";
import { lazy } from "./lazy.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];
const formats = UNITS.map((unit) =>
  lazy(() => new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumSignificantDigits: 3 })));
const MOST_LETTERS = 4; // of an ending, on a card

/** A number of bytes for people: 4.18 MB. */
export function sizeText(bytes) {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1) * 1.0005) / 3)));
  return formats[step]().format(bytes / 1000 ** step);
}

/** The part of an address that stands for a name; one of dots alone would lead elsewhere. */
const part = (name) => (/^\.*$/.test(name) ? "file" : encodeURIComponent(name));

/**
 * The address of a file, relative to the page.
 * @param {{room: string, seq: number|null}} item its message @param {import("./files.js").File} file
 * @returns {string|null} null: it has none yet
 */
export function addressOf({ room, seq }, { n, name, local = null, of = null }) {
  if (seq === null && of === null) return local;
  const place = of ?? { room, seq, n };
  return `files/${encodeURIComponent(place.room)}/${place.seq}/${place.n}/${part(name)}`;
}

/** The address by which a browser saves a file in place of showing it. */
export const downloadOf = (item, file) => `${addressOf(item, file)}?download`;

/**
 * What an `<img>` shows of a picture, or of a video that has a still: previews, or the original where there are none.
 * @param {{room: string, seq: number|null}} item @param {import("./files.js").File} file
 * @returns {{src: string, srcset: string}|null} null: there is nothing to be seen
 */
export function sourcesOf(item, file) {
  const address = addressOf(item, file);
  const isPicture = kindOf(file) === "image";
  if (address === null || (file.previews.length === 0 && !isPicture)) return null;
  if (file.previews.length === 0 || address === file.local) return { src: address, srcset: "" };
  const wide = Math.min(1, file.width / file.height); // the sizes are of the longer side
  const sizes = file.previews.map((size) => `${address}?size=${size} ${Math.max(1, Math.round(size * wide))}w`);
  return { src: `${address}?size=${file.previews.at(-1)}`, srcset: sizes.join(", ") };
}

/** The ending of a file's name in capital letters, for its card; "" if it has none that says something. */
export function endingOf({ name }) {
  const [, ending = ""] = /\.([\p{L}\p{N}]+)$/u.exec(name) ?? [];
  return ending.length <= MOST_LETTERS ? ending.toUpperCase() : "";
}

const SORTS = {
  pdf: /^pdf$/, text: /^(?:docx?|odt|rtf|txt|md|pages)$/, sheet: /^(?:xlsx?|ods|csv|tsv|numbers)$/, slides: /^(?:pptx?|odp|key)$/,
  archive: /^(?:zip|gz|tgz|7z|rar|tar|xz|bz2|zst)$/, picture: /^(?:jpe?g|png|gif|webp|avif|svg|heic|tiff?|bmp)$/,
  film: /^(?:mp4|webm|mov|mkv|avi)$/, sound: /^(?:mp3|m4a|ogg|opus|flac|wav|aac)$/,
};

/** What sort of file it is by its ending, for the colour of its card. */
export function sortOf(file) {
  const ending = endingOf(file).toLowerCase();
  return Object.keys(SORTS).find((sort) => SORTS[sort].test(ending)) ?? "other";
}
