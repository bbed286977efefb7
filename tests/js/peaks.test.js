import assert from "node:assert/strict";
import { test } from "node:test";

import { levelOf, PEAKS, peaksOf, readPeaks, wavePath, writePeaks } from "../../static/js/core/peaks.js";
import { timeCode } from "../../static/js/core/time-code.js";
import { writeWav } from "../../static/js/core/wav.js";

test("a level is the loudest sample, and never more than one", () => {
  assert.equal(levelOf(new Float32Array([0, -0.5, 0.25])), 0.5);
  assert.equal(levelOf(new Float32Array([0, 3])), 1);
  assert.equal(levelOf(new Float32Array([])), 0);
});

test("there are as many peaks of few levels as of many", () => {
  for (const count of [0, 1, 2, PEAKS - 1, PEAKS, PEAKS + 1, 9_000]) {
    const levels = Array.from({ length: count }, (_, index) => (index + 1) / count / 2);
    const peaks = peaksOf(levels);
    assert.equal(peaks.length, PEAKS);
    if (count > 0) assert.equal(Math.max(...peaks), 255, "they fill the height");
    assert.deepEqual([...peaks].sort((a, b) => a - b), [...peaks], "in the order of the levels");
  }
});

test("the loudest of each part counts, also a short one", () => {
  const levels = new Array(640).fill(0.1);
  levels[325] = 1;
  const peaks = peaksOf(levels);
  assert.equal(peaks[32], 255);
  assert.equal(peaks.filter((peak) => peak === 255).length, 1);
});

test("silence is drawn too", () => {
  assert.deepEqual([...peaksOf([0, 0, 0])], new Array(PEAKS).fill(0));
  assert.equal(wavePath(new Array(PEAKS).fill(0)).split("M").length - 1, PEAKS);
});

test("peaks are read as they were written, and nothing else is", () => {
  const peaks = peaksOf([0.2, 0.4, 1]);
  const read = readPeaks(writePeaks(peaks));
  assert.deepEqual(read, [...peaks].map((peak) => peak / 255));
  for (const bad of ["", "!!", "AAAA", writePeaks(new Uint8Array(65)), undefined, null]) assert.equal(readPeaks(bad), null);
});

test("a time code grows hours only when there are some", () => {
  const codes = [[0, "0:00"], [-5, "0:00"], [7_999, "0:07"], [60_000, "1:00"], [754_000, "12:34"], [3_723_000, "1:02:03"]];
  for (const [ms, code] of codes) assert.equal(timeCode(ms), code);
});

test("samples become a WAV of one channel", () => {
  const view = new DataView(writeWav(new Float32Array([0, 1, -1, 2]), 24_000));
  const word = (at) => String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
  assert.deepEqual([word(0), word(8), word(12), word(36)], ["RIFF", "WAVE", "fmt ", "data"]);
  assert.equal(view.byteLength, 52);
  assert.equal(view.getUint32(4, true), 44);
  assert.equal(view.getUint32(24, true), 24_000);
  assert.deepEqual([44, 46, 48, 50].map((at) => view.getInt16(at, true)), [0, 32_767, -32_767, 32_767]);
});
