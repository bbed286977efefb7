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

test("what is loaded at once is small", async () => {
  const sources = await Promise.all([...(await needed("js/boot/all-views.js"))].map((path) => readFile(new URL(path, STATIC))));
  const total = sources.reduce((sum, { length }) => sum + length, 0);
  assert.ok(total < 400_000, `${total} bytes`);
});

test("no module makes markup of text", async () => {
  for (const module of await modules()) {
    const source = await readFile(new URL(module, STATIC), "utf8");
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/, module);
  }
});

test("every text that the page asks for is in the catalogue, and every one in it is used", async () => {
  const { texts } = await import("../../static/js/core/texts.js");
  const html = await readFile(new URL("index.html", STATIC), "utf8");
  const asked = new Set([...html.matchAll(/data-(?:text|label|placeholder)="([^"]+)"/g)].map(([, key]) => key));
  for (const key of asked) assert.equal(typeof texts[key], "string", key);
  const sources = await Promise.all((await modules()).map((module) => readFile(new URL(module, STATIC), "utf8")));
  for (const key of Object.keys(texts)) {
    assert.ok(asked.has(key) || sources.some((source) => source.includes(`texts.${key}`)), key);
  }
});

test("a layer imports only what stands below it", async () => {
  const allowed = { core: ["core"], net: ["net", "core"], views: ["views", "core"] };
  for (const module of await modules()) {
    const [, layer] = module.split("/");
    if (!(layer in allowed)) continue;
    const source = await readFile(new URL(module, STATIC), "utf8");
    for (const [, path] of source.matchAll(/^(?:import|export) [^"]*? from "([^"]+)"/gm)) {
      const [root, target] = new URL(path, `https://page/${module}`).pathname.slice(1).split("/");
      assert.ok(root === "vendor" || allowed[layer].includes(target), `${module} imports ${path}`);
    }
  }
});
