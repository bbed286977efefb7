import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { readThumbhash } from "../../static/js/core/thumbhash.js";

// Hashes of the published implementation, and what it shows for them at four places.
const CASES = JSON.parse(await readFile(new URL("./thumbhash.json", import.meta.url), "utf8"));

for (const { picture, width, height, hash, shown } of CASES) {
  test(`${picture} ${width}x${height}: it shows what others show`, () => {
    const decoded = readThumbhash(hash);
    assert.deepEqual([decoded.width, decoded.height], [shown.width, shown.height]);
    const pixels = shown.width * shown.height;
    assert.equal(decoded.rgba.length, 4 * pixels);
    for (const [index, place] of [0, 0.3, 0.62, 1].entries()) {
      const at = 4 * Math.floor(place * (pixels - 1));
      for (let channel = 0; channel < 4; channel += 1) {
        const difference = Math.abs(decoded.rgba[at + channel] - shown.pixels[index][channel]);
        assert.ok(difference <= 1, `${place}: ${decoded.rgba.slice(at, at + 4)} for ${shown.pixels[index]}`);
      }
    }
  });
}

test("what is no hash is null, and never thrown", () => {
  for (const text of ["", "AAAA", "%%%", "AAAAAAA=", btoa("\x00\x00\x80\x05\x80"), btoa("\xff".repeat(9))]) assert.equal(readThumbhash(text), null);
  for (let length = 5; length < 40; length += 1) readThumbhash(btoa("\xa7".repeat(length)));
});
