/**
 * What stands in the tabs of an album, from what the messages have now: `{key, facts, make()}` each; what has the same facts is
 * not made anew.
 */
import { albumTexts } from "../../core/album-texts.js";
import { downloadOf, sourcesOf } from "../../core/file-facts.js";
import { kindOf } from "../../core/files.js";
import { lazy } from "../../core/lazy.js";
import { split } from "../../core/links.js";
import { fileAt, isSaved, placesIn } from "../../core/pictures.js";
import { dayLabel } from "../../core/time.js";
import { makeBlur } from "../parts/blur.js";
import { button, iconButton, make } from "../parts/dom.js";
import { makeCard } from "../parts/file-card.js";
import { loadPicture } from "../parts/picture-loader.js";
import { openLightbox } from "./lightbox.js";

const THUMB_PX = 120;

const monthFormat = lazy(() => new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" }));

/** Pictures and videos, under the months in which they were sent. */
export function pictureRows(state, seqs, { shell, room, seqs: all, more }) {
  const rows = [];
  let month = "";
  for (const place of placesIn(state, room, seqs).reverse()) {
    const { message, who, file } = fileAt(state, room, place);
    const label = monthFormat().format(message.atMs);
    if (label !== month) rows.push({ key: `month ${label}`, facts: label, make: () => make("li", "album-month", make("h3", "", label)) });
    month = label;
    const source = { places: (now) => placesIn(now, room, all(now)), more };
    const open = () => openLightbox(shell, room, place, source);
    rows.push({ key: `${place.seq} ${place.n}`, facts: `${who} ${file.alt}`, make: () => thumb(shell, { room, seq: place.seq }, file, { who, message, open }) });
  }
  return rows;
}

function thumb({ app }, item, file, { who, message, open }) {
  const isVideo = kindOf(file) === "video";
  const what = isVideo ? albumTexts.video(file.name) : albumTexts.photo(file.alt);
  const box = button("picture", "", open);
  box.setAttribute("aria-label", albumTexts.ofWhom(what, who, dayLabel(message.atMs)));
  const sources = sourcesOf(item, file);
  if (file.blur) box.append(makeBlur(file.blur));
  if (sources) {
    const image = loadPicture(box, app);
    box.append(image.element);
    image.show({ ...sources, sizes: `${Math.ceil(THUMB_PX * Math.max(1, file.width / file.height || 1))}px` });
  }
  if (isVideo) box.append(make("span", "play-sign"));
  return make("li", "", box);
}

/** Files, each with who sent it. */
export const fileRows = (state, seqs, { shell, room }) =>
  [...seqs].reverse().flatMap((seq) => {
    const first = fileAt(state, room, { seq, n: 0 });
    return (first?.message.files ?? []).filter(isSaved).map((file) => ({
      key: `${seq} ${file.n}`,
      facts: first.who,
      make: () => make("li", "album-row", makeCard(file, downloadOf({ room, seq }, file)), source(shell, room, first)),
    }));
  });

/** Links, each with who wrote it. */
export const linkRows = (state, seqs, { shell, room }) =>
  [...seqs].reverse().flatMap((seq) => {
    const { message, isShown, who } = shell.app.copyAt(room, seq);
    if (!isShown) return [];
    return split(message.text).filter(({ href }) => href).map(({ text, href, host }, index) => ({
      key: `${seq} ${index}`,
      facts: `${href} ${who}`,
      make: () => make("li", "album-row", link({ text, href, host }), source(shell, room, { message, who })),
    }));
  });

function link({ text, href, host }) {
  const element = make("a", "album-link", text);
  Object.assign(element, { href, target: "_blank", rel: "noopener noreferrer", dir: "ltr" });
  if (host) element.dataset.host = host;
  return element;
}

/** Who sent it, and the way to its message. */
function source(shell, room, { message, who }) {
  const show = iconButton("message", albumTexts.toMessage, () => shell.jump(room, message.seq));
  return make("div", "album-source", make("bdi", "", who), make("span", "quiet", dayLabel(message.atMs)), show);
}
