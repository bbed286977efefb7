/**
 * Parser of message formatting (*stars*, > arrows, ```) into a small tree: as in WhatsApp and the part of Markdown that
 * people use in chats. Pure, linear in the length of the text, nested at most a few levels deep.
 *
 * Every character of the text is either in a leaf (`text`, with its place `at` in the text) or part of markup that was
 * understood; other markup is text. docs/decisions/message-formatting.md says why this is our own.
 *
 * @typedef {{type: "text", text: string, at: number}
 *   | {type: "bold"|"italic"|"strike", children: Inline[]}
 *   | {type: "code", text: string, at: number}
 *   | {type: "link", text: string, at: number, href: string, host?: string}
 *   | {type: "mention", text: string, at: number, ids: string[]}} Inline
 * @typedef {{type: "text", children: Inline[]}
 *   | {type: "quote", children: Block[]}
 *   | {type: "list", items: Array<{marker: string, isOrdered: boolean, level: number, children: Inline[]}>}
 *   | {type: "code", text: string, at: number, language: string}} Block
 */
import { parseInline } from "./inline.js";
import { NameMatcher } from "./names.js";

const ACTION = /^\/me[ \t]+(?=\S)/u;
const FENCE = "```";
const LANGUAGE = /^[\w+#.-]{1,20}$/u;
const QUOTE = /^>(?: |$)/u;
const LIST_ITEM = /^( {0,12})([-*•]|\d{1,3}[.)])[ \t]+(?=\S)/u;
const INDENT_OF_A_LEVEL = 2;
const DEEPEST_LEVEL = 3;
const DEEPEST_QUOTE = 4;

/**
 * Parse a message.
 * @param {string} text
 * @param {Array<{id: string, name: string}>} [people] whose names become mentions behind an @
 * @returns {{isAction: boolean, blocks: Block[]}} an action is `/me waves`: its text is told about its sender
 */
export function format(text, people = []) {
  const action = ACTION.exec(text);
  const start = action ? action[0].length : 0;
  const names = new NameMatcher(people);
  return { isAction: action !== null, blocks: parseBlocks(linesOf(text, start), names, 0) };
}

/** All leaves, in the order of the text. */
export function* leaves(nodes) {
  for (const node of nodes) {
    if (node.text !== undefined) yield node;
    else if (node.items) for (const item of node.items) yield* leaves(item.children);
    else yield* leaves(node.children);
  }
}

/** The ids of all who are mentioned, each once. Names in code are no mentions. */
export function mentionedIn(blocks) {
  const ids = new Set();
  for (const leaf of leaves(blocks)) if (leaf.type === "mention") leaf.ids.forEach((id) => ids.add(id));
  return [...ids];
}

/** More marks on one letter than any language needs, by which they cover the lines above and below. */
export const STACKED = /\p{M}{5}/u;

const HEAPS = /(\p{M}{4})\p{M}+/gu;

/** A message as one line without markup and without heaps of marks, for previews and notifications. */
export function plainLine(text) {
  const { blocks } = format(text);
  const parts = blocks.map((block) => Array.from(leaves([block]), (leaf) => leaf.text).join(block.items ? " " : ""));
  return parts.join(" ").replace(/\s+/gu, " ").replace(HEAPS, "$1").trim();
}

function linesOf(text, start) {
  const lines = [];
  for (let at = start; ; ) {
    const end = text.indexOf("\n", at);
    lines.push({ text: text.slice(at, end < 0 ? undefined : end), at });
    if (end < 0) return lines;
    at = end + 1;
  }
}

function parseBlocks(lines, names, depth) {
  const blocks = [];
  const closers = closersOf(lines);
  let paragraph = [];
  const endParagraph = () => {
    if (paragraph.length > 0) blocks.push(textBlock(paragraph, names));
    paragraph = [];
  };
  for (let index = 0; index < lines.length; ) {
    const next = quote(lines, index, names, depth) ?? codeBlock(lines, index, closers) ?? list(lines, index, names, closers);
    if (next) {
      const before = next.before && list([next.before], 0, names, []);
      if (next.before && !before) paragraph.push(next.before);
      endParagraph();
      if (before) blocks.push(before.block);
      blocks.push(next.block);
      index = next.end;
    } else {
      paragraph.push(lines[index]);
      index += 1;
    }
  }
  endParagraph();
  return blocks;
}

function textBlock(lines, names) {
  const children = [];
  for (const { text, at } of lines) {
    children.push(parseInline(text, at, names), { type: "text", text: "\n", at: at + text.length });
  }
  children.pop(); // the line break after the last line parts two blocks
  return { type: "text", children: joined(children.flat()) };
}

/** Neighbouring plain texts are one text. */
function joined(children) {
  const result = [];
  for (const child of children) {
    const last = result.at(-1);
    const continues = child.type === "text" && last?.type === "text" && last.at + last.text.length === child.at;
    if (continues) last.text += child.text;
    else result.push(child);
  }
  return result;
}

/** For each line the next line from there on that can end a block of code; computed once, from the end. */
function closersOf(lines) {
  const closers = new Array(lines.length + 1).fill(-1);
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    closers[index] = lines[index].text.trimEnd().endsWith(FENCE) ? index : closers[index + 1];
  }
  return closers;
}

/** Where the fence of a block of code is that begins in this line, or -1: it may be indented, or stand behind a text. */
function fenceIn(lines, index, closers) {
  const { text } = lines[index];
  const place = text.indexOf(FENCE);
  return place >= 0 && closers[index + 1] >= 0 && !text.includes("`", place + FENCE.length) ? place : -1;
}

function codeBlock(lines, index, closers) {
  const place = fenceIn(lines, index, closers);
  if (place < 0) return null;
  const { text, at } = lines[index];
  const before = text.slice(0, place);
  const rest = text.slice(place + FENCE.length);
  const end = closers[index + 1];
  const code = lines.slice(index + 1, end);
  const lastLine = lines[end].text.trimEnd().slice(0, -FENCE.length);
  // A word behind the opening fence is the language if the closing one stands alone, as in Markdown; else it is code.
  const language = lastLine.trim() === "" && LANGUAGE.test(rest.trim()) ? rest.trim() : "";
  if (lastLine.trim() !== "") code.push({ text: lastLine, at: lines[end].at });
  if (!language && rest.trim() !== "") code.unshift({ text: rest, at: at + place + FENCE.length });
  const indent = before.trim() === "" ? before : "";
  const body = code.map((line) => (line.text.startsWith(indent) ? line.text.slice(indent.length) : line.text)).join("\n");
  if (body.trim() === "") return null;
  const block = { type: "code", language, text: body, at: code[0].at + (code[0].text.startsWith(indent) ? indent.length : 0) };
  return { block, end: end + 1, before: indent === before ? null : { text: before, at } };
}

function quote(lines, index, names, depth) {
  if (depth === DEEPEST_QUOTE || !lines[index].text.startsWith("> ")) return null;
  let end = index + 1;
  while (end < lines.length && QUOTE.test(lines[end].text)) end += 1;
  const inner = lines.slice(index, end).map(({ text, at }) => {
    const { length } = QUOTE.exec(text)[0];
    return { text: text.slice(length), at: at + length };
  });
  return { block: { type: "quote", children: parseBlocks(inner, names, depth + 1) }, end };
}

function list(lines, index, names, closers) {
  const items = [];
  let end = index;
  for (; end < lines.length; end += 1) {
    const { text, at } = lines[end];
    const match = LIST_ITEM.exec(text);
    if (!match || fenceIn(lines, end, closers) >= 0) break;
    const [whole, indent, marker] = match;
    items.push({
      marker,
      isOrdered: /\d/.test(marker),
      level: Math.min(Math.floor(indent.length / INDENT_OF_A_LEVEL), DEEPEST_LEVEL),
      children: parseInline(text.slice(whole.length), at + whole.length, names),
    });
  }
  return items.length > 0 ? { block: { type: "list", items }, end } : null;
}
