/**
 * A file in the tray: what it looks like, and what can be done with it. Delete removes it, arrows go along the tray, with
 * Alt they move it.
 */
import { endingOf, sizeText } from "../../../core/file-facts.js";
import { fileTexts } from "../../../core/file-texts.js";
import { openDialog } from "../../parts/dialog.js";
import { icon, isRightToLeft, make, onKeydown, pressable } from "../../parts/dom.js";
import { field, form, input, needStyles } from "../../parts/forms.js";
import { openMenu } from "../../parts/menu.js";

const MOST_ALT = 500; // as the server has it

/**
 * @param {object} item see tray.js
 * @param {{position: number, count: number, onChange(): void, onMove(to: number): void, onRemove(): void, onFocus(to: number): void}} does
 * @returns {HTMLElement}
 */
export function makeItem(item, does) {
  const face = pressable("tray-face", fileTexts.item(item.name, sizeText(item.blob?.size ?? item.bytes), item), () => openOptions(item, face, does));
  face.setAttribute("aria-haspopup", "menu");
  face.title = item.name;
  if (item.url) face.append(picture(item, face));
  else face.append(...card(item));
  if (item.asFile) face.append(make("span", "tray-mark", fileTexts.markFile));
  else if (item.alt) face.append(make("span", "tray-mark", fileTexts.markAlt));
  const remove = pressable("tray-remove", fileTexts.remove(item.name), does.onRemove);
  remove.append(icon("close"));
  remove.title = fileTexts.removeShort;
  const element = make("div", "tray-item", face, remove);
  element.setAttribute("role", "listitem");
  onKeydown(face, (event) => onKey(event, element, does));
  return element;
}

function onKey(event, element, { position, onMove, onRemove, onFocus }) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  if (event.key === "Delete" || event.key === "Backspace") onRemove();
  else if (step !== 0) (event.altKey ? onMove : onFocus)(position + (isRightToLeft(element) ? -step : step));
  else return;
  event.preventDefault();
}

function picture(item, face) {
  const image = make("img");
  image.alt = "";
  image.draggable = false;
  image.addEventListener("load", () => {
    if (!item.still) Object.assign(item, { width: image.naturalWidth, height: image.naturalHeight });
  });
  image.addEventListener("error", () => image.replaceWith(...card(item)));
  image.src = item.url;
  face.classList.toggle("video", Boolean(item.still));
  return image;
}

/** What cannot be seen: its ending and its name. */
const card = (item) => [icon(item.voice ? "mic" : "file"), make("span", "tray-ending", endingOf(item)), make("bdi", "tray-name", item.name)];

function openOptions(item, face, { position, count, onChange, onMove, onRemove }) {
  const isPicture = Boolean(item.url) && !item.still && !item.of;
  const change = (changes) => {
    Object.assign(item, changes);
    onChange();
  };
  openMenu({
    label: item.name,
    anchor: face,
    items: [
      ...(isPicture || item.still ? [{ label: item.alt ? fileTexts.altChange : fileTexts.altAdd, icon: "edit", onSelect: () => describe(item, change) }] : []),
      ...(isPicture ? [{ label: item.asFile ? fileTexts.asPicture : fileTexts.asFile, icon: item.asFile ? "image" : "file", onSelect: () => change({ asFile: !item.asFile }) }] : []),
      ...(position > 0 ? [{ label: fileTexts.earlier, icon: "back", onSelect: () => onMove(position - 1) }] : []),
      ...(position < count - 1 ? [{ label: fileTexts.later, icon: "forward", onSelect: () => onMove(position + 1) }] : []),
      { label: fileTexts.removeShort, icon: "trash", isDanger: true, onSelect: onRemove },
    ],
  });
}

/** Ask what is to be seen. */
async function describe(item, change) {
  await needStyles();
  const text = input({ value: item.alt, maxLength: MOST_ALT, autofocus: true });
  const content = form([field(fileTexts.altLabel, text, { help: fileTexts.altHelp })], {
    label: fileTexts.altDone,
    onSubmit: async () => {
      change({ alt: text.value.trim() });
      dialog.close();
      return null;
    },
  });
  const image = make("img", "tray-preview");
  image.alt = "";
  image.src = item.url;
  const dialog = openDialog({ title: fileTexts.altTitle, className: "small", content: [image, content] });
}
