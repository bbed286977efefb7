/**
 * Inline formatting: code, addresses, mentions, then *bold* **bold** _italic_ ~strike~ ~~strike~~. Pure, linear; see
 * format.js for the tree.
 */
import { split } from "./links.js";
import { characterAt, characterBefore, isWordLike } from "./fold.js";

// The nodes of each delimiter run, from the outside inwards. Any other run is text: `__init__` stays as it is.
const MEANINGS = {
  "*": ["bold"],
  "**": ["bold"],
  "***": ["bold", "italic"],
  "_": ["italic"],
  "~": ["strike"],
  "~~": ["strike"],
};
const SPECIAL = /[*_~`@]|:\/\/|www\./iu; // most lines have nothing of the sort
const RUN = /\*+|_+|~+/gu;
const BACKTICKS = /`+/gu;
// Stars, underscores and tildes of paths, patterns, formulas and programs (`*.py`, `~/x`, `/* … */`, `(a)*b`) are no marks.
const NOTHING_OPENS_BEFORE = /[.,;:!?/\\|)\]}>=+&%^]/u;
const NOTHING_OPENS_BEHIND = /[/\\.)\]}=+&%^$@#]/u;
const NOTHING_CLOSES_BEHIND = /[\\(\[{<=+&^|]/u;
const SPACE = /^\s?$/u; // nothing, the end of the line, counts too

/**
 * @param {string} text one line
 * @param {number} at its place in the message
 * @param {import("./names.js").NameMatcher} names
 * @returns {import("./format.js").Inline[]}
 */
export function parseInline(text, at, names) {
  if (!SPECIAL.test(text)) return text === "" ? [] : [{ type: "text", text, at }];
  const divide = (tokens, split) => tokens.flatMap((token) => (token.type === "text" ? [...split(token)] : [token]));
  let tokens = [...codeIn(text)];
  tokens = divide(tokens, linksIn);
  tokens = divide(tokens, (token) => mentionsIn(token, names));
  tokens = divide(tokens, (token) => delimitersIn(token, text));
  return moved(nested(tokens), at);
}

/** Code between runs of backticks of the same length. */
function* codeIn(text) {
  const runs = Array.from(text.matchAll(BACKTICKS), (match) => ({ at: match.index, length: match[0].length }));
  const following = new Map(); // from the end: for each length the next run of it
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    runs[index].closer = following.get(runs[index].length);
    following.set(runs[index].length, runs[index]);
  }
  let end = 0;
  for (const { at, length, closer } of runs) {
    if (at < end || !closer) continue;
    const code = text.slice(at + length, closer.at);
    if (code.trim() === "") continue;
    if (at > end) yield { type: "text", text: text.slice(end, at), at: end };
    yield { type: "code", text: code, at: at + length };
    end = closer.at + length;
  }
  if (end < text.length) yield { type: "text", text: text.slice(end), at: end };
}

function* linksIn({ text, at }) {
  for (const piece of split(text)) {
    yield { type: piece.href ? "link" : "text", ...piece, at };
    at += piece.text.length;
  }
}

function* mentionsIn({ text, at }, names) {
  let end = 0;
  for (let index = names.isEmpty ? -1 : text.indexOf("@"); index >= 0; index = text.indexOf("@", Math.max(index + 1, end))) {
    const isPath = index - 1 > end && text[index - 1] === "/" && isWordLike(characterBefore(text, index - 1));
    const match = isPath ? null : names.match(text, index);
    if (!match) continue;
    if (index > end) yield { type: "text", text: text.slice(end, index), at: at + end };
    yield { type: "mention", text: text.slice(index, match.end), at: at + index, ids: match.ids };
    end = match.end;
  }
  if (end < text.length) yield { type: "text", text: text.slice(end), at: at + end };
}

/** Split a plain token at possible delimiters; whether one may open or close depends on its neighbours in the line. */
function delimitersIn({ text, at }, line) {
  const tokens = [];
  let end = 0;
  for (const match of text.matchAll(RUN)) {
    const [run] = match;
    if (!(run in MEANINGS)) continue;
    const before = characterBefore(line, at + match.index);
    const after = characterAt(line, at + match.index + run.length);
    const canOpen = !SPACE.test(after) && !NOTHING_OPENS_BEFORE.test(after) && !isWordLike(before) && !NOTHING_OPENS_BEHIND.test(before);
    const canClose = !SPACE.test(before) && !NOTHING_CLOSES_BEHIND.test(before) && !isWordLike(after);
    if (!canOpen && !canClose) continue;
    if (match.index > end) tokens.push({ type: "text", text: text.slice(end, match.index), at: at + end });
    tokens.push({ type: "delimiter", text: run, at: at + match.index, canOpen, canClose });
    end = match.index + run.length;
  }
  if (end < text.length) tokens.push({ type: "text", text: text.slice(end), at: at + end });
  return tokens;
}

/**
 * Pair the delimiters. Of several that could open, the nearest does; so for each kind of run there is at most one open at a
 * time, and the tree is never deeper than there are kinds.
 */
function nested(tokens) {
  const partner = new Map();
  const open = new Map(); // run -> index of its token, in the order of opening
  tokens.forEach((token, index) => {
    if (token.type !== "delimiter") return;
    const opener = token.canClose ? open.get(token.text) : undefined;
    if (opener !== undefined) {
      if (hasContent(tokens, opener, index)) partner.set(opener, index).set(index, opener);
      for (const [run, other] of open) if (other >= opener) open.delete(run); // what opened inside ends inside
    } else if (token.canOpen) {
      open.delete(token.text);
      open.set(token.text, index);
    }
  });
  const stack = [{ children: [] }];
  tokens.forEach((token, index) => {
    if (!partner.has(index)) {
      addLeaf(stack.at(-1).children, token);
    } else if (partner.get(index) > index) {
      for (const type of MEANINGS[token.text]) stack.push({ type, children: [] });
    } else {
      for (const _ of MEANINGS[token.text]) {
        const node = stack.pop();
        stack.at(-1).children.push(node);
      }
    }
  });
  return stack[0].children;
}

/** Whether there is anything but marks between two: `*_*` is a face. */
function hasContent(tokens, opener, closer) {
  for (let index = opener + 1; index < closer; index += 1) if (tokens[index].type !== "delimiter") return true;
  return false;
}

function addLeaf(children, { type, text, at, href, host, ids }) {
  const last = children.at(-1);
  if (type === "delimiter" || type === "text") {
    if (last?.type === "text") last.text += text;
    else children.push({ type: "text", text, at });
  } else {
    children.push({ type, text, at, ...(href && { href, ...(host && { host }) }), ...(ids && { ids }) });
  }
}

function moved(nodes, by) {
  for (const node of nodes) {
    if (node.children) moved(node.children, by);
    else node.at += by;
  }
  return nodes;
}
