import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

const STATIC = new URL("../../static/", import.meta.url);

async function modules() {
  const files = await readdir(new URL("js/", STATIC), { recursive: true });
  return files.filter((file) => file.endsWith(".js")).map((file) => `js/${file.replaceAll("\\", "/")}`);
}

/** The module and all that it imports; what is imported later by `import()` is not among them. */
async function needed(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const source = await readFile(new URL(path, STATIC), "utf8");
  for (const [, other] of source.matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)";/gm)) {
    await needed(new URL(other, new URL(path, "x:/")).pathname.slice(1), found);
  }
  return found;
}

test("the first view is small", async () => {
  const sources = await Promise.all([...(await needed("js/boot/all-views.js"))].map((path) => readFile(new URL(path, STATIC))));
  const total = sources.reduce((sum, { length }) => sum + length, 0);
  assert.ok(total < 400_000, `${total} bytes`);
});

test("no module turns text into markup", async () => {
  for (const module of await modules()) {
    const source = await readFile(new URL(module, STATIC), "utf8");
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/, module);
  }
});

test("every text that the page uses is in the catalogue, and every one there is used", async () => {
  const { texts } = await import("../../static/js/core/texts.js");
  const html = await readFile(new URL("index.html", STATIC), "utf8");
  const asked = new Set([...html.matchAll(/data-(?:text|label|placeholder)="([^"]+)"/g)].map(([, key]) => key));
  for (const key of asked) assert.equal(typeof texts[key], "string", key);
  const sources = await Promise.all((await modules()).map((module) => readFile(new URL(module, STATIC), "utf8")));
  const catalogues = { texts };
  for (const [file, name] of [["later", "laterTexts"], ["moderation", "modTexts"], ["emoji", "emojiTexts"], ["help", "helpTexts"], ["album", "albumTexts"], ["voice", "voiceTexts"], ["file", "fileTexts"]]) {
    catalogues[name] = (await import(`../../static/js/core/${file}-texts.js`))[name];
  }
  const used = new Set(sources.flatMap((source) => Array.from(source.matchAll(/\b(\w*[tT]exts)\.([a-z]\w*)/g), ([, name, key]) => `${name}.${key}`)));
  for (const one of used) {
    const [name, key] = one.split(".");
    if (name in catalogues) assert.ok(key in catalogues[name] || key === "js", one);
  }
  for (const [name, catalogue] of Object.entries(catalogues)) {
    for (const key of Object.keys(catalogue)) assert.ok(used.has(`${name}.${key}`) || (name === "texts" && asked.has(key)), key);
  }
});

test("the modules and the classic script name the lobby alike", async () => {
  const { HOME } = await import("../../static/js/core/home.js");
  const literal = new RegExp(`["'\`]${HOME}["'\`]`);
  const named = [];
  for (const module of await modules()) {
    const source = await readFile(new URL(module, STATIC), "utf8");
    if (literal.test(source)) named.push(module);
  }
  assert.deepEqual(named.sort(), ["js/boot/early-socket.js", "js/core/home.js"]);
  const early = await readFile(new URL("js/boot/early-socket.js", STATIC), "utf8");
  assert.equal(early.match(/const HOME = "([^"]+)";/)?.[1], HOME);
});

/** Folder -> the other folders from which its modules import at once, and those from which they import later. */
const LAYERS = {
  core: {},
  net: { imports: ["core"] },
  app: { imports: ["core", "net"] },
  "views/parts": { imports: ["core", "vendor"] },
  "views/panels": { imports: ["core", "views/parts"], later: ["views/parts"] },
  "views/talk": { imports: ["core", "views/parts"], later: ["views/parts", "views/panels", "views/talk/attach", "views/talk/files", "views/talk/voice"] },
  "views/talk/attach": { imports: ["core", "views/parts"] },
  "views/talk/voice": { imports: ["core", "views/parts"] },
  "views/talk/files": { imports: ["core", "views/parts"] },
  "views/shell": { imports: ["core", "views/parts"], later: ["views/parts", "views/panels"] },
  boot: { imports: ["app", "core", "net", "views/parts", "views/shell", "views/talk"], later: ["app"] },
};

const folderOf = (path) => path.slice(0, path.lastIndexOf("/")).replace(/^js\//, "");

test("a folder imports only what it may, and uses each permission", async () => {
  const used = Object.fromEntries(Object.keys(LAYERS).map((folder) => [folder, { imports: new Set(), later: new Set() }]));
  for (const module of await modules()) {
    const folder = folderOf(module);
    assert.ok(folder in LAYERS, `${module} stands in no layer`);
    const source = (await readFile(new URL(module, STATIC), "utf8")).replaceAll(/\/\*\*.*?\*\//gs, ""); // types say import() too
    const forms = { imports: /^(?:import|export)\b[^"]*?"(\.[^"]+)";$/gm, later: /\bimport\("(\.[^"]+)"\)/g };
    for (const [form, pattern] of Object.entries(forms)) {
      for (const [, path] of source.matchAll(pattern)) {
        const target = folderOf(new URL(path, `https://page/${module}`).pathname.slice(1));
        if (target !== folder) used[folder][form].add(target);
      }
    }
  }
  for (const [folder, { imports = [], later = [] }] of Object.entries(LAYERS)) {
    assert.deepEqual([...used[folder].imports].sort(), [...imports].sort(), `${folder} imports`);
    assert.deepEqual([...used[folder].later].sort(), [...later].sort(), `${folder} imports later`);
  }
});

test("all keys come by way of `onKeydown`, which leaves those of input methods alone", async () => {
  for (const module of await modules()) {
    const source = await readFile(new URL(module, STATIC), "utf8");
    if (module === "js/views/parts/hands.js") continue; // it does nothing with them
    const count = source.match(/addEventListener\(\s*["']key(?:down|press)["']|\bonkey(?:down|press)\b|event\.isComposing|keyCode/g)?.length ?? 0;
    assert.equal(count, module === "js/views/parts/dom.js" ? 3 : 0, module);
  }
});

test("fingers are followed in one place", async () => {
  for (const module of await modules()) {
    const source = await readFile(new URL(module, STATIC), "utf8");
    const isTheOne = module === "js/views/parts/touch.js";
    assert.equal(/"(?:touch(?:start|move|end|cancel)|pointer(?:move|up|cancel)|contextmenu)"/.test(source), isTheOne, module);
    if (module !== "js/views/shell/screen.js") assert.doesNotMatch(source, /history(?:\.(?:go|back)|\.pushState|\[)|"(?:popstate|hashchange)"/, module);
  }
});
