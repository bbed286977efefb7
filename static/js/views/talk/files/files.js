/**
 * The files of a message in their place: pictures and videos as a gallery, below it a row for each other file. What is of the
 * page in them are labels, shown by the style sheet: the text of a message is what people wrote.
 */
import { albumTexts } from "../../../core/album-texts.js";
import { isVisual } from "../../../core/files.js";
import { make, pressable } from "../../parts/dom.js";
import { makePicture } from "./picture.js";
import { makeRow } from "./row.js";

const LABELS = { cancel: albumTexts.cancel, retry: albumTexts.retry };
const SHOWN = 4; // in a gallery; the rest is a number on the last

const shown = new WeakMap(); // place -> {item, parts}

/** @param {HTMLElement} place of files-place.js @param {object} item of the timeline @param {object} does see message.js */
export function showFiles(place, item, does) {
  const before = shown.get(place);
  const { files } = item.message;
  const press = (what, n) => does.onFile(what, shown.get(place).item, n);
  const parts = before?.parts ?? new Map(); // n -> part
  shown.set(place, { item, parts });
  const gallery = place.querySelector(":scope > .gallery");
  const rows = [...place.querySelectorAll(":scope > .file-row")];
  const visual = files.filter(isVisual);
  const context = { item, app: does.app, press, isSingle: visual.length === 1 };
  for (const file of visual.slice(0, SHOWN)) {
    if (!parts.has(file.n)) parts.set(file.n, makePicture(gallery, file, context));
    parts.get(file.n).update(file, item);
  }
  if (visual.length > SHOWN) parts.get(visual[SHOWN - 1].n).showMore(visual.length - SHOWN);
  for (const [index, file] of files.filter((one) => !isVisual(one)).entries()) {
    if (!parts.has(file.n)) parts.set(file.n, makeRow(rows[index], file, context));
    parts.get(file.n).update(file, item);
  }
  showProgress(gallery ?? rows[0], item, press);
}

/** Over what is on its way: how far all of it is, and a press gives it up; over what has failed: a press tries it again. */
function showProgress(box, { seq, status, message: { files } }, press) {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0) || 1;
  const progress = files.reduce((sum, file) => sum + (file.progress ?? 1) * file.bytes, 0) / bytes;
  const what = seq !== null ? "" : status === "failed" ? "retry" : progress < 1 ? "cancel" : "";
  const before = box.querySelector(":scope > .file-progress");
  if (before?.dataset.what !== what) {
    before?.remove();
    if (what) {
      const ring = pressable("file-progress", LABELS[what](files), () => press(what));
      ring.dataset.what = what;
      ring.append(make("span", "file-ring"));
      box.append(ring);
    }
  }
  box.querySelector(":scope > .file-progress")?.style.setProperty("--progress", String(progress));
}
