/**
 * Rich text: a message's text as elements that may stand in a `<p>`. What people wrote becomes text nodes and nothing
 * else.
 */
import { emojiCount } from "../../core/emoji.js";
import { format, STACKED } from "../../core/format.js";
import { texts } from "../../core/texts.js";
import { copyText } from "./clipboard.js";
import { make, pressable } from "./dom.js";

const INLINE_TAGS = { bold: "strong", italic: "em", strike: "s" };
const COPIED_MS = 2_000;
const LONG_CHARACTERS = 1_500;
const LONG_LINES = 20;

/**
 * @param {string} text
 * @param {object} [options]
 * @param {Array<{id: string, name: string}>} [options.people] who is mentioned; one person may have several names
 * @param {string} [options.me] one's own id: mentions of oneself and of everybody stand out
 * @param {Array<[number, number]>} [options.highlights] places in the text to be marked, ascending: what a search found
 * @returns {{nodes: Node[], isAction: boolean, bigEmoji: number, isLong: boolean}} `bigEmoji`: 1 to 3 for a text of that
 *   many emoji and nothing else
 */
export function richText(text, { people = [], me = "", highlights = [] } = {}) {
  const { isAction, blocks } = format(text, people);
  const render = new Renderer(me, highlights);
  const nodes = blocks.map((block) => render.block(block));
  if (STACKED.test(text)) for (const node of nodes) node.classList.add("stacked");
  return {
    nodes,
    isAction,
    bigEmoji: emojiCount(text),
    isLong: text.length > LONG_CHARACTERS || text.split("\n", LONG_LINES + 1).length > LONG_LINES,
  };
}

/**
 * Show only the beginning of a long text, until somebody wants more.
 * @param {HTMLElement} element the text
 * @returns {HTMLElement} what unfolds and folds it, to be put below
 */
export function fold(element) {
  const show = (isFolded) => {
    element.classList.toggle("folded", isFolded);
    if (isFolded) element.scrollTop = 0;
    toggle.setAttribute("aria-label", isFolded ? texts.readMore : texts.readLess);
    toggle.setAttribute("aria-expanded", String(!isFolded));
  };
  const toggle = pressable("fold-toggle", "", () => show(!element.classList.contains("folded")));
  // What the browser finds in the hidden part, or the keyboard reaches there, it scrolls into view: then show all.
  element.addEventListener("scroll", () => element.scrollTop > 0 && show(false), { passive: true });
  show(true);
  return toggle;
}

class Renderer {
  #me;
  #highlights;

  constructor(me, highlights) {
    this.#me = me;
    this.#highlights = highlights;
  }

  block(block) {
    if (block.type === "quote") return withRole(make("span", "quote", ...block.children.map((child) => this.block(child))), "blockquote");
    if (block.type === "list") return this.#list(block);
    if (block.type === "code") return this.#codeBlock(block);
    return make("span", "", ...this.#inline(block.children));
  }

  #list({ items }) {
    const list = items.map(({ marker, isOrdered, level, children }) => {
      const bullet = make("span", "marker", isOrdered ? marker : "•");
      const item = withRole(make("span", "item", bullet, " ", make("span", "", ...this.#inline(children))), "listitem");
      if (level > 0) item.dataset.level = level;
      return item;
    });
    return withRole(make("span", "list", ...list), "list");
  }

  #codeBlock({ text, at, language }) {
    const code = make("code", "", ...this.#marked(text, at));
    code.tabIndex = 0; // it may be wider than the screen, and scrolls by keyboard then
    const copy = pressable("copy", texts.copy, async () => {
      if (!(await copyText(text))) return;
      copy.setAttribute("aria-label", texts.copied);
      copy.classList.add("done");
      setTimeout(() => {
        copy.setAttribute("aria-label", texts.copy);
        copy.classList.remove("done");
      }, COPIED_MS);
    });
    const block = withRole(make("span", "code-block", code, copy), "group");
    block.dir = "ltr";
    block.setAttribute("aria-label", texts.codeLabel(language));
    if (language) block.dataset.language = language;
    return block;
  }

  #inline(children) {
    return children.flatMap((node) => {
      if (node.children) return make(INLINE_TAGS[node.type], "", ...this.#inline(node.children));
      const shown = this.#marked(node.text, node.at);
      if (node.type === "code") return make("code", "", ...shown);
      if (node.type === "link") return link(node, shown);
      if (node.type === "mention") return this.#mention(node.ids, shown);
      return shown;
    });
  }

  #mention(ids, shown) {
    const mention = make("bdi", "mention", ...shown);
    mention.dataset.people = ids.join(" ");
    mention.classList.toggle("mine", ids.includes("all") || ids.includes(this.#me));
    return mention;
  }

  /** A text as nodes, in which the highlighted places are marked. */
  #marked(text, at) {
    const nodes = [];
    let end = 0;
    for (const [from, to] of this.#highlights) {
      const start = Math.max(from - at, end);
      const stop = Math.min(to - at, text.length);
      if (stop <= start) continue;
      if (start > end) nodes.push(text.slice(end, start));
      nodes.push(make("mark", "", text.slice(start, stop)));
      end = stop;
    }
    if (end < text.length) nodes.push(text.slice(end));
    return nodes;
  }
}

function link({ href, host }, shown) {
  const element = make("a", "", ...shown);
  element.href = href;
  if (host) element.dataset.host = host; // shown behind it
  element.target = "_blank";
  element.rel = "noopener noreferrer";
  element.dir = "ltr";
  return element;
}

function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}
