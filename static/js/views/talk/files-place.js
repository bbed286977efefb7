/**
 * The place of a message's files: from the beginning as large as it will be, so that nothing in the log moves later. What
 * stands in it comes with `files/`, which is loaded with the first message that has some.
 */
import { isVisual, kindOf } from "../../core/files.js";
import { make } from "../parts/dom.js";

/** @param {object[]} files of a message @returns {HTMLElement} */
export function makePlace(files) {
  const visual = files.filter(isVisual);
  const rows = files.filter((file) => !isVisual(file)).map((file) => make("span", `file-row ${kindOf(file)}`));
  const gallery = make("span", "gallery");
  const [{ width, height } = {}] = visual;
  gallery.dataset.count = Math.min(visual.length, 4);
  if (width) for (const [name, value] of [["--w", width], ["--h", height]]) gallery.style.setProperty(name, value);
  return make("span", "files", ...(visual.length > 0 ? [gallery] : []), ...rows);
}

/** Show the files of this item in its place. */
export async function fillPlace(place, item, does) {
  const { showFiles } = await import("./files/files.js");
  showFiles(place, item, does);
}

/** Show a small picture of a message beside its line, which has the place for it from now on; without one none. */
export async function fillThumb(box, thumb, app) {
  if (!thumb && !box.classList.contains("pictured")) return;
  box.classList.toggle("pictured", Boolean(thumb));
  const { showThumb } = await import("../parts/thumb.js");
  showThumb(box, thumb, app);
}
