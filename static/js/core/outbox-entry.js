/**
 * What an entry of the outbox must be, so that nothing that some page left in the browser can keep this one from sending. Pure.
 */
import { HOME } from "./home.js";
import { texts } from "./texts.js";

const isText = (value) => typeof value === "string";
const isNumber = (value) => Number.isSafeInteger(value) && value > 0;
const isFlag = (value) => typeof value === "boolean";
const isMoment = (value) => Number.isFinite(value) && Math.abs(value) < 8e15;
const isFiles = (value) =>
  Array.isArray(value) && value.every((file) => [file?.key, file?.name].every(isText) && Number.isSafeInteger(file.bytes));
const isIds = (value) => Array.isArray(value) && value.every(isText);

/** Of each command: what it needs, and what it may have. */
const SHAPES = {
  send: [{ room: isText, text: isText }, { replyTo: isNumber, mentions: isIds, forwarded: isText, files: isFiles }],
  edit: [{ room: isText, target: isNumber, text: isText }, { mentions: isIds }],
  delete: [{ room: isText, target: isNumber }, {}],
  react: [{ room: isText, target: isNumber, emoji: isText, on: isFlag }, {}],
  pin: [{ room: isText, target: isNumber, on: isFlag }, {}],
  mine: [{ what: isText }, { room: isText, target: isNumber, on: isFlag, level: isText, until: isMoment, from: isNumber, person: isText }],
};
const ALWAYS = { seq: isNumber, breaks: isNumber, code: isText, reason: isText };
const STATUSES = new Set(["waiting", "failed"]);

/**
 * A kept entry as this page can use it; null for what it cannot: a command of a newer page, which waits for that. A text is
 * never lost: what is wrong with it the person decides.
 */
export function readEntry(raw) {
  if (!isText(raw?.id) || raw.id === "") return null;
  const { id, command = "send" } = raw;
  const at = isMoment(raw.at) ? raw.at : 0;
  const [needs, may] = Object.hasOwn(SHAPES, command) ? SHAPES[command] : [null];
  if (needs && Object.entries(needs).every(([field, is]) => is(raw[field]))) {
    const fields = { ...needs, ...may, ...ALWAYS };
    const good = Object.keys(fields).filter((field) => raw[field] != null && fields[field](raw[field])); // null stands for none
    const status = STATUSES.has(raw.status) ? raw.status : "waiting"; // asking again is safe
    return { ...Object.fromEntries(good.map((field) => [field, raw[field]])), id, command, at, status };
  }
  if (!needs || !isText(raw.text)) return null;
  const room = isText(raw.room) ? raw.room : HOME;
  return { id, command: "send", room, at, text: raw.text, status: "failed", code: "malformed", reason: texts.outboxMalformed };
}
