import assert from "node:assert/strict";
import { test } from "node:test";

import { format, leaves, mentionedIn, plainLine } from "../../static/js/core/format.js";

const PEOPLE = [
  { id: "p-1", name: "Ada" },
  { id: "p-2", name: "Ada Lovelace" },
  { id: "p-3", name: "José" },
  { id: "p-4", name: "小明" },
  { id: "all", name: "all" },
];

/** The tree in short: [bold …] for a node, text as it is. */
const short = (nodes) => nodes.map((node) => (node.children ? `[${node.type} ${short(node.children)}]` : leaf(node))).join("");
const leaf = ({ type, text }) => (type === "text" ? text : `[${type} ${text}]`);
const inline = (text, people) => short(format(text, people).blocks[0]?.children ?? []);
const types = (text) => format(text).blocks.map(({ type }) => type);

test("stars, underscores and tildes format as in WhatsApp and in Markdown", () => {
  assert.equal(inline("*a* **b** _c_ ~d~ ~~e~~"), "[bold a] [bold b] [italic c] [strike d] [strike e]");
  assert.equal(inline("***both***"), "[bold [italic both]]");
  assert.equal(inline("*bold _and italic_ and*, then"), "[bold bold [italic and italic] and], then");
  assert.equal(inline("(*a*)! _«b»_."), "([bold a])! [italic «b»].");
  assert.equal(inline("*first* and *second*"), "[bold first] and [bold second]");
});

test("characters that are no mark stay as written", () => {
  for (const text of [
    "2*3*4", "a * b * c", "snake_case_name", "__init__", "~/x and ~/y", "*", "**", "*open", "close*", "*a\nb*",
    "¯\\_(ツ)_/¯", "~~~~", "****a****", "*a_", "5 ~ 6 ~ 7", "``", "` `", ">_<", ">:(", "->", "-", "1.", "- ", "#1", "@", "",
  ]) {
    assert.equal(inline(text), text);
    assert.ok(types(text).every((type) => type === "text"), text);
  }
});

test("stars, underscores and tildes of paths, patterns, formulas and programs are no marks", () => {
  for (const text of [
    "*.py,*.js", "rm *.py *.js", "ls *.{a,b}*", "src/**/*.py and tests/**/*.py", "rm -rf ~/x/~", "~/x/~ and ~/y/~", "cd ~/a; ls ~",
    "/* a comment */", "/*comment*/", "*/5 * * * *", "0 */2 * * *", "2*3*4", "(x+1)*y*(z)", "a[1]*b[2]*c", "x = *p; y = *q;",
    "f(*args, **kwargs)", "f(*a,*b)", "char *a, *b;", "snake_case_names", "_id, user_id", "a_b and c_d", "__init__.py", "*args, *rest",
    "example.com/_a_b_", "/usr/_local_/x", "*_*", "~_~", "100% *_*", "(*_*) and (~_~)", "~5 and ~10", "~5,~10", "a~b~c", "~user/x ~other/x", "cut -d* -f1", "\\*a*",
    "**bold never closed", "*a **b", "file~ other~", "5 * (3 + 2) * 4", "SELECT * FROM a, * FROM b", "x^*y*z", "@*a*",
  ]) {
    assert.equal(inline(text), text);
  }
});

test("what people mean as formatting is formatting, whatever stands around it", () => {
  assert.equal(inline("*Note:* *wait...* *one,* *why?* *yes!*"), "[bold Note:] [bold wait...] [bold one,] [bold why?] [bold yes!]");
  assert.equal(inline("\"*a*\" (*b*) «*c*» —*d*— *e*-*f* *g*/h"), "\"[bold a]\" ([bold b]) «[bold c]» —[bold d]— [bold e]-[bold f] [bold g]/h");
  assert.equal(inline("*$5* *#1* *👍* *¡Hola!* *(a)* *«b»* *“c”* *-5*"), "[bold $5] [bold #1] [bold 👍] [bold ¡Hola!] [bold (a)] [bold «b»] [bold “c”] [bold -5]");
  assert.equal(inline("*a*b*"), "[bold a*b]");
  assert.equal(inline("*a*,*b*;*c*:*d*"), "[bold a],[bold b];[bold c]:[bold d]");
  assert.equal(inline("注意：*重要*。"), "注意：[bold 重要]。");
  assert.equal(inline("*_both_* ~_*all*_~"), "[bold [italic both]] [strike [italic [bold all]]]");
});

test("marks that cross do not nest, and the nearest opening mark counts", () => {
  assert.equal(inline("*a _b* c_"), "[bold a _b] c_");
  assert.equal(inline("*note: this is *bold* text"), "*note: this is [bold bold] text");
});

test("scripts without spaces need none around marks", () => {
  assert.equal(inline("这是*粗体*文字"), "这是[bold 粗体]文字");
  assert.equal(inline("**안녕**은 ひらがな_斜体_です"), "[bold 안녕]은 ひらがな[italic 斜体]です");
  assert.equal(inline("Привет*мир*"), "Привет*мир*");
  assert.equal(inline("*𝒜* 𝒜*b*"), "[bold 𝒜] 𝒜*b*");
});

test("code is shown as written", () => {
  assert.equal(inline("run `a *b* _c_` now"), "run [code a *b* _c_] now");
  assert.equal(inline("``a ` b``"), "[code a ` b]");
  assert.equal(inline("```one line```"), "[code one line]");
  assert.equal(inline("*`x`*"), "[bold [code x]]");
  assert.equal(inline("`open *x*"), "`open [bold x]");
});

test("addresses stay whole, whatever marks are in them", () => {
  assert.equal(inline("see https://a.example/_x_*y*?z=~1."), "see [link https://a.example/_x_*y*?z=~1].");
  assert.equal(inline("*https://a.example/*"), "[bold [link https://a.example/]]");
  assert.equal(inline("`https://a.example/`"), "[code https://a.example/]");
});

test("the longest name behind an @ is a mention; case and accents do not count", () => {
  assert.equal(inline("@ada lovelace, @jose and @Ada!", PEOPLE), "[mention @ada lovelace], [mention @jose] and [mention @Ada]!");
  assert.equal(inline("*@Jose\u0301*", PEOPLE), "[bold [mention @Jose\u0301]]");
  assert.equal(inline("@小明你好", PEOPLE), "[mention @小明]你好");
  assert.equal(inline("@Adam, a@Ada, @nobody", PEOPLE), "@Adam, a@Ada, @nobody");
  assert.deepEqual(mentionedIn(format("@all @Ada @ada `@José`", PEOPLE).blocks), ["all", "p-1"]);
});

test("a name of several people mentions them all", () => {
  const people = [{ id: "p-1", name: "Ada" }, { id: "p-9", name: "ada" }];
  assert.deepEqual(mentionedIn(format("@Ada", people).blocks), ["p-1", "p-9"]);
});

test("lines that begin with > are a quote, with any format inside", () => {
  const { blocks } = format("> *a*\n>\n> - b\nanswer");
  assert.deepEqual(blocks.map(({ type }) => type), ["quote", "text"]);
  assert.deepEqual(blocks[0].children.map(({ type }) => type), ["text", "list"]);
  assert.equal(short(format("> > inner\n> outer").blocks), "[quote [quote [text inner]][text outer]]");
});

test("lines with a dash, a star or a number are a list that keeps its numbers", () => {
  const [text, list, after] = format("To do:\n- one\n  * two\n7. *three*\nend").blocks;
  assert.equal(short(text.children), "To do:");
  assert.deepEqual(
    list.items.map(({ marker, isOrdered, level, children }) => [marker, isOrdered, level, short(children)]),
    [["-", false, 0, "one"], ["*", false, 1, "two"], ["7.", true, 0, "[bold three]"]],
  );
  assert.equal(short(after.children), "end");
  assert.deepEqual(types("2024. was good"), ["text"]);
});

test("a block of code keeps its spaces and may name its language", () => {
  const code = (text) => format(text).blocks.map(({ type, language, text: body }) => [type, language, body]);
  assert.deepEqual(code("```python\ndef f():\n    return *1*\n```"), [["code", "python", "def f():\n    return *1*"]]);
  assert.deepEqual(code("```\n\na\n```"), [["code", "", "\na"]]);
  assert.deepEqual(code("```first\nsecond```"), [["code", "", "first\nsecond"]]);
  assert.deepEqual(code("```f(x)\ng(x)\n```"), [["code", "", "f(x)\ng(x)"]]);
  assert.deepEqual(types("before\n```\nx\n```\nafter"), ["text", "code", "text"]);
  assert.deepEqual(types("```\nnever closed\n- but a list"), ["text", "list"]);
});

test("a fence may be indented, and stand behind a text", () => {
  const shortBlocks = (text) => format(text).blocks.map((block) => block.type === "code" ? `{${block.language}|${block.text}}` : `[${block.type}]`).join("");
  assert.equal(shortBlocks("see:```\nx\n```"), "[text]{|x}");
  assert.equal(short(format("see: ```js\nx\n```\nand so on").blocks), "[text see: ][code x][text and so on]");
  assert.equal(shortBlocks("see: ```js\nx\n```"), "[text]{js|x}");
  assert.equal(shortBlocks("  ```py\n  if a:\n    b\n  ```"), "{py|if a:\n  b}");
  assert.equal(shortBlocks("\t```\n\tx\ny\n\t```"), "{|x\ny}");
  assert.equal(shortBlocks("- one\n- two: ```\nx\n```\n- three"), "[list][list]{|x}[list]");
  assert.equal(shortBlocks("> see: ```\n> x\n> ```"), "[quote]");
  assert.equal(shortBlocks("see ```x``` and ```y```"), "[text]");
  assert.equal(shortBlocks("see ``` here\nno end"), "[text]");
  assert.equal(shortBlocks("a `b` ```\nx\n```"), "[text]{|x}");
  const { at, text } = format("see: ```\n  x\n```").blocks[1];
  assert.equal("see: ```\n  x\n```".slice(at, at + text.length), text);
});

test("line breaks stay, and empty lines too", () => {
  assert.equal(inline("a\n\n  b\n"), "a\n\n  b\n");
});

test("/me with a text is an action, without one it is not", () => {
  assert.equal(format("/me waves *hard*").isAction, true);
  assert.equal(inline("/me waves *hard*"), "waves [bold hard]");
  assert.deepEqual([format("/me").isAction, format("/mean").isAction, format(" /me x").isAction], [false, false, false]);
});

test("a preview is one line without marks", () => {
  assert.equal(plainLine("*Hi*\n\n> a\n- b\n- `c`\n```\nd  e\n```"), "Hi a b c d e");
  assert.equal(plainLine("/me waves"), "waves");
  assert.equal(plainLine(`Z${"\u0301".repeat(500)}e\u0301`), `Z${"\u0301".repeat(4)}e\u0301`);
});

const PIECES = [
  "*", "**", "***", "_", "~", "~~", "`", "``", "```", "> ", ">", "- ", "1. ", "  ", "\n", "\n", " ", "a", "Ada", "@", "@Ada",
  "@all", "/me ", "https://a.example/", "(", ")", "\\", "é", "e\u0301", "小", "👩‍👩‍👧", "\ud800", "js", "\t", "\r\n",
];

/** A small generator of numbers that are the same each time (mulberry32). */
function* numbers(seed) {
  for (;;) {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    yield ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  }
}

test("no text loses a character but its marks", () => {
  const random = numbers(5);
  for (let round = 0; round < 3_000; round += 1) {
    const length = Math.floor(random.next().value * 30);
    const text = Array.from({ length }, () => PIECES[Math.floor(random.next().value * PIECES.length)]).join("");
    const { isAction, blocks } = format(text, PEOPLE);
    let end = isAction ? "/me ".length : 0;
    let marks = "";
    for (const { text: shown, at, type } of leaves(blocks)) {
      assert.ok(at >= end, `order: ${JSON.stringify(text)}`);
      marks += text.slice(end, at);
      // In a block of code within a quote the arrows of its lines are left out.
      if (type === "code" && !text.startsWith(shown, at)) end = at + shown.length;
      else {
        assert.equal(text.slice(at, at + shown.length), shown, JSON.stringify(text));
        end = at + shown.length;
      }
    }
    if (!text.includes("```")) assert.match(marks + text.slice(end), /^[*_~`>\-\d.\s]*$/u, JSON.stringify(text));
  }
});

test("the tree has a bounded depth for any text", () => {
  const depth = (nodes) => 1 + Math.max(0, ...nodes.map((node) => depth(node.children ?? [])));
  assert.ok(depth(format("> ".repeat(10_000) + "x").blocks) < 15);
  const opened = "*a **b ***c _d ~e ~~f ".repeat(500);
  const closed = "f~~ e~ d_ c*** b** a* ".repeat(500);
  assert.ok(depth(format(opened + closed).blocks) < 15);
});

const SLOW = [
  "*", "*a ", "*a", "a*", "**a ", "_a*", "*a _b ~c ", "`", "`a ", "`` ` ", "@", "@Ada", "@a", "@\u0301", "> ", "> > > > x\n", ">\n",
  "- ", "- a\n", "```\n", "```js\n", "```a\nb```\n", "\n", " ", "\\_", "[", "https://", "https://a.example/*", "1. ", "   ",
  "*a _b* c_ ", "👩‍👩‍👧", "a`b``c```", "*_~", "*_", "a ```\n", "  ```js\n", "- ```\nx\n", "@Ada-", "@Ada_", "@Ada/", "www.a.b ", "https://a.b,",
];

/** Processor time, which other programs on the machine do not add to; the best of a few runs. */
function cost(text) {
  let best = Infinity;
  for (let round = 0; round < 2; round += 1) {
    const before = process.cpuUsage();
    format(text, PEOPLE);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, user + system);
  }
  return best;
}

test("a text made to be slow takes linear time", () => {
  const LARGE = 2 ** 15;
  const TIMES = 16;
  for (const piece of SLOW) {
    const large = piece.repeat(LARGE / piece.length);
    const small = Math.max(cost(large.slice(0, LARGE / TIMES)), 500);
    // Linear is TIMES; quadratic would be TIMES² = 256.
    assert.ok(cost(large) < small * TIMES * 5, `${JSON.stringify(piece)}: ${cost(large)} µs, a part of it ${small} µs`);
  }
});
