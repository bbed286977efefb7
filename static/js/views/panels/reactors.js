/**
 * Who has reacted to a message: a section of its info, and a dialog of its own (a sheet on phones).
 */
import { laterTexts } from "../../core/later-texts.js";
import { person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { followMessage } from "../parts/follow-message.js";
import { entry, needStyles } from "../parts/forms.js";

/** @param {object} shell @param {object} item of the timeline */
export async function openReactors(shell, item) {
  await needStyles();
  const { app } = shell;
  const body = make("div", "");
  const dialog = openDialog({ title: texts.talkReactions, className: "reactors", content: [body] });
  let shown = null;
  const show = () => {
    const { message } = app.copyAt(item.room, item.seq);
    if (message.reactions === shown) return;
    shown = message.reactions;
    body.replaceChildren(reactors(app, item.room, message, list) ?? make("div", "about", laterTexts.talkNoReactions));
  };
  show();
  followMessage(shell, dialog, item, show);
}

/**
 * Who has reacted: those who are known at once; if these are not all, they are asked for, page by page.
 * @param {object} app @param {string} room @param {object} message @param {(rows: HTMLElement[]) => HTMLElement} around what
 * stands around the rows @returns {HTMLElement | null} null: nobody
 */
export function reactors(app, room, message, around) {
  if (message.reactions.length === 0) return null;
  const place = make("div", "");
  const row = ({ emoji, person: { id, name } }) => {
    const who = person(app.state, id, name);
    return plain(entry(who, id === app.state.me?.id ? texts.you : who.name, "", () => {}, [make("span", "info-emoji", emoji)]));
  };
  const show = (given, more = []) => place.replaceChildren(around(given.map(row)), ...more);
  const ask = async (before) => {
    const answer = await app.reactions(room, message.seq, before.at(-1)?.seq);
    const given = answer.ok ? [...before, ...answer.reactions] : before;
    if (!answer.ok) show(given.length > 0 ? given : known, [make("div", "problem", answer.message)]);
    else show(given, answer.more ? [button("link-button", laterTexts.talkMoreReceipts, () => ask(given))] : []);
  };
  const known = message.reactions.flatMap(({ emoji, people }) => people.map((id) => ({ emoji, person: { id } })));
  show(known);
  if (message.reactions.some(({ count, people }) => people.length < count)) ask([]);
  return place;
}

/** An entry that is only to be read. */
export function plain(row) {
  const inner = make("div", "entry");
  inner.append(...row.firstChild.childNodes);
  row.replaceChildren(inner);
  return row;
}

/** Entries below a heading. */
export function section(title, rows, empty = "") {
  return make("section", "", make("h3", "", title), rows.length > 0 ? list(rows) : make("div", "about", empty));
}

const list = (rows) => make("ul", "entries", ...rows);
