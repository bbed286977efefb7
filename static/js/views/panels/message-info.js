/**
 * Dialog about a message: receipts, reactions, and earlier versions.
 */
import { albumTexts } from "../../core/album-texts.js";
import { sizeText } from "../../core/file-facts.js";
import { laterTexts } from "../../core/later-texts.js";
import { person } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { clock, dayLabel, exact } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { followMessage } from "../parts/follow-message.js";
import { richText } from "../parts/rich-text.js";
import { entry, needStyles } from "../parts/forms.js";
import { plain, reactors, section } from "./reactors.js";

/** @param {object} shell @param {object} item of the timeline */
export async function openMessageInfo(shell, item) {
  await needStyles();
  const { app } = shell;
  const room = app.state.rooms.get(item.room);
  const text = make("div", "info-text text");
  text.dir = "auto";
  const facts = make("div", "about", laterTexts.talkSentAt(exact(item.atMs)));
  const filesPlace = make("div", "");
  const reactionsPlace = make("div", "");
  const receiptsPlace = make("div", "", make("div", "about", laterTexts.shellLoading));
  const versionsPlace = make("div", "");
  const places = make("div", "info-places", receiptsPlace, versionsPlace);
  const dialog = openDialog({ title: laterTexts.talkInfo, className: "message-info", content: [text, filesPlace, facts, reactionsPlace, places] });
  let shown = null;
  const showVersions = async (message) => {
    const mayVersions = message.isEdited && (item.isOwn || room.owner === app.state.me?.id);
    const versions = mayVersions ? await app.versions(room.name, item.seq) : null;
    if (versions?.ok && shown.text === message.text) versionsPlace.replaceChildren(history(versions.events));
  };
  /** Show the message as it stands now. */
  const show = () => {
    const { message } = app.copyAt(item.room, item.seq);
    const before = shown;
    shown = message;
    if (message.text !== before?.text) text.replaceChildren(...richText(message.text).nodes);
    text.hidden = message.text === "";
    if (!before) filesPlace.replaceChildren(...message.files.map((file) => make("div", "about", factsOf(file))));
    if (message.reactions !== before?.reactions) reactionsPlace.replaceChildren(...[reactors(app, room.name, message, (rows) => section(texts.talkReactions, rows))].filter(Boolean));
    if (!before || message.reactions === before.reactions) showVersions(message); // else it was a reaction
  };
  show();
  followMessage(shell, dialog, item, show);
  showReceipts(app, room.name, item, receiptsPlace, await app.receipts(room.name, item.seq));
}

/** The receipts so far, and a button for those of further people. */
function showReceipts(app, room, item, place, receipts) {
  if (!receipts.ok) {
    place.replaceChildren(make("div", "problem", receipts.message));
    return;
  }
  const sections = receiptSections(app, item, receipts);
  const more = receipts.cursor ? button("link-button", laterTexts.talkMoreReceipts, async () => {
    more.disabled = true;
    const next = await app.receipts(room, item.seq, receipts.cursor);
    const all = (what) => [...receipts[what], ...next[what]].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
    showReceipts(app, room, item, place, next.ok ? { ...next, read: all("read"), delivered: all("delivered") } : next);
  }) : null;
  place.replaceChildren(...sections, ...(more ? [more] : []));
}

function receiptSections(app, item, { read, delivered }) {
  const others = (list) => list.filter((one) => one.person.id !== item.from);
  const readers = others(read);
  const known = new Set(readers.map((one) => one.person.id));
  const waiting = others(delivered).filter((one) => !known.has(one.person.id));
  return [
    section(laterTexts.talkReadBy, readers.map((one) => whom(app, one)), laterTexts.talkReadByNobody),
    ...(waiting.length > 0 ? [section(laterTexts.talkDeliveredTo, waiting.map((one) => whom(app, one)))] : []),
  ];
}

function whom(app, { person: who, at }) {
  const known = { ...who, ...person(app.state, who.id, who.name) };
  const name = who.id === app.state.me?.id ? texts.you : known.name;
  return plain(entry(known, name, at ? moment(Date.parse(at)) : "", () => {}));
}

const factsOf = ({ name, bytes, width, height }) => albumTexts.facts(name, sizeText(bytes), width ? `${width} × ${height}` : "");

function history(events) {
  const rows = [...events].reverse().map((event, index) => {
    const text = make("div", "version-text", event.text);
    text.dir = "auto";
    const when = moment(Date.parse(event.at));
    return make("li", "version", make("div", "quiet", index === 0 ? laterTexts.talkVersionNow(when) : when), text);
  });
  return make("section", "", make("h3", "", laterTexts.talkVersions), make("ol", "versions", ...rows));
}

const moment = (ms) => `${dayLabel(ms)} ${clock(ms)}`;
