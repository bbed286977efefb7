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

/** A message as one line without markup, for previews and notifications. */
export function plainLine(text) {
  const { blocks } = format(text);
  const parts = blocks.map((block) => Array.from(leaves([block]), (leaf) => leaf.text).join(block.items ? " " : ""));
  return parts.join(" ").replace(/\s+/gu, " ").trim();
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
    const next = codeBlock(lines, index, closers) ?? quote(lines, index, names, depth) ?? list(lines, index, names);
    if (next) {
      endParagraph();
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

function codeBlock(lines, index, closers) {
  const { text, at } = lines[index];
  if (!text.startsWith(FENCE)) return null;
  const rest = text.slice(FENCE.length);
  const end = closers[index + 1];
  if (end < 0 || rest.includes("`")) return null;
  const code = lines.slice(index + 1, end);
  const lastLine = lines[end].text.trimEnd().slice(0, -FENCE.length);
  // A word behind the opening fence is the language if the closing one stands alone, as in Markdown; else it is code.
  const language = lastLine === "" && LANGUAGE.test(rest.trim()) ? rest.trim() : "";
  if (lastLine.trim() !== "") code.push({ text: lastLine, at: lines[end].at });
  if (!language && rest.trim() !== "") code.unshift({ text: rest, at: at + FENCE.length });
  const body = code.map((line) => line.text).join("\n");
  if (body.trim() === "") return null;
  return { block: { type: "code", language, text: body, at: code[0].at }, end: end + 1 };
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

function list(lines, index, names) {
  const items = [];
  let end = index;
  for (; end < lines.length; end += 1) {
    const { text, at } = lines[end];
    const match = LIST_ITEM.exec(text);
    if (!match) break;
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
