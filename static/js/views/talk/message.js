/**
 * One message as a `<p>`. What people wrote becomes text nodes and nothing else. What the page itself says in it
 * (quote, signs, reactions) are labels shown by the style sheet: the text of the element is name, message and time.
 */
import { colourOf } from "../../core/people.js";
import { texts } from "../../core/texts.js";
import { clock } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { make, pressable } from "../parts/dom.js";
import { fold, richText } from "../parts/rich-text.js";
import { fillPlace, fillThumb, makePlace } from "./files-place.js";
import { makeReactions } from "./reactions.js";

/** Fields whose change needs a new body; the others (place in the group, time, ticks) are updated in place. */
const BODY = ["text", "name", "isOwn", "mentioned", "quoteWho", "quoteText", "quoteThumb", "quoteFrom", "colour", "picture", "seq"];

/**
 * @param {object} item of the timeline, see core/items.js
 * @param {{me(): string, onJump(seq: number): void, onReact(item: object, emoji: string, on: boolean): void,
 *   namesOf(ids: string[], count: number): string, onFile(what: "open"|"cancel"|"retry", item: object, n: number): void,
 *   app: import("../../app/app.js").App}} does namesOf: of so many people the names of these; onFile: a file was pressed
 * @returns {HTMLParagraphElement}
 */
export function createMessage(item, does) {
  const paragraph = make("p");
  paragraph.tabIndex = -1; // arrow keys move between messages, see keys.js
  updateMessage(paragraph, item, null, does);
  return paragraph;
}

/** Change the element of `before` into that of `item`. The text stays the same node as long as it stays the same. */
export function updateMessage(paragraph, item, before, does) {
  const { message } = item;
  paragraph.classList.add("message");
  paragraph.classList.toggle("own", item.isOwn);
  paragraph.classList.toggle("first", item.isFirst);
  paragraph.classList.toggle("last", item.isLast);
  paragraph.classList.toggle("timeless", !item.hasTime);
  paragraph.classList.toggle("deleted", message.isDeleted);
  paragraph.classList.toggle("mentioned", item.isMentioned);
  paragraph.dataset.colour = item.colour ?? colourOf(item.from);
  if (item.status) paragraph.dataset.status = item.status;
  if (item.seq !== null) paragraph.dataset.seq = item.seq;
  const isSame = before && BODY.every((field) => before[field] === item[field])
    && before.message.isDeleted === message.isDeleted && before.message.forwarded === message.forwarded;
  if (!isSame) paragraph.replaceChildren(...body(paragraph, item, does));
  if (message.files.length > 0) fillPlace(paragraph.querySelector(".files"), item, does);
  paragraph.querySelector(".meta").replaceChildren(...meta(item));
  const isCounted = isSame && before.message.reactions === message.reactions && before.reactors === item.reactors;
  if (!isCounted) showReactions(paragraph, item, does);
}

function body(paragraph, item, does) {
  const { message } = item;
  const avatar = makeAvatar({ id: item.from, name: item.name, colour: item.colour, picture: item.picture });
  const bubble = make("span", "bubble");
  bubble.dir = "auto";
  const rich = message.isDeleted ? null : richText(item.text, { people: peopleOf(item.mentioned), me: does.me() });
  const author = make("bdi", "author", item.isOwn && !rich?.isAction ? texts.you : item.name);
  const text = make("span", rich ? "text" : "text gone", ...(rich?.nodes ?? [texts.talkDeleted]));
  const isBig = Boolean(rich?.bigEmoji) && item.quoteWho === null && message.forwarded === null && message.files.length === 0;
  if (isBig) text.dataset.emoji = rich.bigEmoji;
  text.classList.toggle("action", Boolean(rich?.isAction));
  paragraph.classList.toggle("big", isBig);
  paragraph.classList.toggle("action", Boolean(rich?.isAction));
  bubble.append(author, " ");
  if (message.forwarded !== null) bubble.append(label("forwarded", texts.talkForwarded(message.forwarded)));
  if (item.quoteWho !== null) bubble.append(quote(item, does));
  if (message.files.length > 0) bubble.append(paragraph.querySelector(".files") ?? makePlace(message.files));
  bubble.append(text, " ");
  if (rich?.isLong) bubble.append(fold(text), " ");
  bubble.append(make("span", "meta"));
  return [avatar, bubble];
}

/** Those whose names are mentions in the text. */
const peopleOf = (mentioned) =>
  mentioned === "" ? [] : mentioned.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return { id: line.slice(0, space), name: line.slice(space + 1) };
  });

/** The message that is answered; a press shows it in its place. */
function quote({ quoteWho, quoteText, quoteThumb, quoteFrom, message }, does) {
  const element = pressable("quoted", texts.talkQuote(quoteWho, quoteText), () => does.onJump(message.replyTo));
  const who = label("quoted-who", "", quoteWho);
  const line = label("quoted-text", "", quoteText);
  who.dir = line.dir = "auto";
  if (quoteFrom) element.dataset.colour = does.colourOf(quoteFrom);
  element.append(who, line);
  fillThumb(element, quoteThumb, does.app);
  return element;
}

/** A sentence of the page inside a message: shown by the style sheet, read out by its label. */
function label(className, spoken, shown = spoken) {
  const element = make("span", className);
  element.dataset.label = shown;
  if (spoken) {
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", spoken);
  } else {
    element.setAttribute("aria-hidden", "true");
  }
  return element;
}

function sign(className, name) {
  const element = label(className, name);
  element.title = name;
  return element;
}

function meta({ atMs, status, isStarred, message }) {
  const time = make("time", "", clock(atMs));
  time.dateTime = new Date(atMs).toISOString();
  const signs = [];
  if (message.isPinned) signs.push(sign("mark-pinned", texts.talkPinned));
  if (isStarred) signs.push(sign("mark-starred", texts.talkStarred));
  if (message.isEdited) signs.push(label("edited", texts.talkEdited));
  return [...signs, time, ...(status ? [" ", sign("status", texts.status[status])] : [])];
}

function showReactions(paragraph, item, does) {
  const bubble = paragraph.querySelector(".bubble");
  bubble.querySelector(".reactions")?.remove();
  if (item.message.reactions.length > 0) bubble.append(makeReactions(item, does));
}
