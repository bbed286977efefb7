/**
 * One message as a `<p>`. What people wrote becomes text nodes and nothing else.
 */
import { split } from "../core/links.js";
import { colourOf, initialsOf } from "../core/people.js";
import { texts } from "../core/texts.js";
import { clock, exact } from "../core/time.js";

const STATUS_LABELS = {
  waiting: texts.statusWaiting,
  sent: texts.statusSent,
  failed: texts.statusFailed,
};

/** @returns {HTMLParagraphElement} the element for an item of the timeline */
export function createMessage(item) {
  const paragraph = document.createElement("p");
  updateMessage(paragraph, item, null);
  return paragraph;
}

/** Change the element of `before` into that of `item`. The text stays the same node as long as it stays the same. */
export function updateMessage(paragraph, item, before) {
  paragraph.className = "message";
  paragraph.classList.toggle("own", item.isOwn);
  paragraph.classList.toggle("first", item.isFirst);
  paragraph.classList.toggle("last", item.isLast);
  paragraph.dataset.colour = colourOf(item.from);
  if (item.status) paragraph.dataset.status = item.status;
  if (item.seq !== null) paragraph.dataset.seq = item.seq;
  const isSame = before && before.text === item.text && before.name === item.name && before.isOwn === item.isOwn;
  if (!isSame) paragraph.replaceChildren(...content(item));
  const time = paragraph.querySelector("time");
  time.dateTime = new Date(item.atMs).toISOString();
  time.title = exact(item.atMs);
  time.textContent = clock(item.atMs);
  showStatus(paragraph, item);
}

function content(item) {
  const avatar = span("avatar");
  avatar.dataset.initials = initialsOf(item.name);
  avatar.setAttribute("aria-hidden", "true");

  const author = document.createElement("bdi");
  author.className = "author";
  author.textContent = item.isOwn ? texts.you : item.name;

  const text = span("text");
  text.append(...split(item.text).map(piece));

  const meta = span("meta");
  meta.append(document.createElement("time"), " ", span("status"));

  const bubble = span("bubble");
  bubble.dir = "auto";
  bubble.append(author, " ", text, " ", meta);
  return [avatar, bubble];
}

function piece({ text, href }) {
  if (!href) return document.createTextNode(text);
  const link = document.createElement("a");
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.dir = "ltr";
  link.textContent = text;
  return link;
}

function showStatus(paragraph, { status }) {
  const mark = paragraph.querySelector(".status");
  mark.hidden = !status;
  if (status) {
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", STATUS_LABELS[status]);
    mark.title = STATUS_LABELS[status];
  }
}

function span(className) {
  const element = document.createElement("span");
  element.className = className;
  return element;
}
