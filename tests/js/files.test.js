import assert from "node:assert/strict";
import { test } from "node:test";

import { copyAt } from "../../static/js/core/copies.js";
import { addressOf, downloadOf, endingOf, sizeText, sortOf, sourcesOf } from "../../static/js/core/file-facts.js";
import { filesOf, isVisual, kindOf, lineOf, thumbOf } from "../../static/js/core/files.js";
import { changed, messageOf } from "../../static/js/core/message.js";
import { waitingMessages } from "../../static/js/core/outbox.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { texts } from "../../static/js/core/texts.js";

const AT = "2026-11-22T21:00:00.000Z";
const PHOTO = { name: "kite.jpg", media_type: "image/jpeg", bytes: 4183922, width: 4000, height: 3000, blur: "1QcS", previews: [480, 1600] };
const VIDEO = { name: "kite.mp4", media_type: "video/mp4", bytes: 9_000_000, width: 1920, height: 1080 };
const PDF = { name: "kite.pdf", media_type: "application/pdf", bytes: 20_000 };
const VOICE = { name: "voice.m4a", media_type: "audio/mp4", bytes: 9000, voice: { ms: 12_300, peaks: "AAAA" } };
const message = (files, more = {}) => messageOf({ type: "message", room: "lobby", seq: 1, id: "b1", from: "p-bob", name: "Bob", text: "", at: AT, files, ...more });

test("a message has its files with all that is at its default", () => {
  assert.deepEqual(message([PHOTO, PDF]).files[1], {
    n: 1, name: "kite.pdf", mediaType: "application/pdf", bytes: 20_000, width: 0, height: 0, blur: "", previews: [], isAnimated: false,
    voice: null, asFile: false, alt: "",
  });
  assert.deepEqual(message(undefined).files, []);
});

test("what browsers show is shown, anything else is a file", () => {
  const kinds = (...told) => filesOf(told).map(kindOf);
  assert.deepEqual(kinds(PHOTO, VIDEO, PDF, VOICE, { ...VOICE, voice: undefined }), ["image", "video", "file", "voice", "audio"]);
  assert.deepEqual(kinds({ ...PHOTO, as_file: true }, { ...PHOTO, media_type: "image/svg+xml" }, { ...PHOTO, width: 0 }), ["file", "file", "file"]);
  assert.deepEqual(kinds({ ...VIDEO, media_type: "video/quicktime" }, { ...PDF, media_type: "image/pngx" }), ["file", "file"]);
  assert.deepEqual(filesOf([PHOTO, VIDEO, PDF]).map(isVisual), [true, true, false]);
});

test("in one line a message is what is written, with a sign, or what it has", () => {
  const line = (files, text = "") => lineOf(message(files, { text }));
  assert.equal(line([PHOTO]), "📷 Photo");
  assert.equal(line([PHOTO, PHOTO, PHOTO]), "📷 3 photos");
  assert.equal(line([{ ...PHOTO, animated: true }]), "📷 GIF");
  assert.equal(line([VIDEO]), "🎬 Video");
  assert.equal(line([VIDEO, PHOTO]), "📷 2 photos and videos");
  assert.equal(line([VOICE]), "🎤 Voice message 0:12");
  assert.equal(line([PDF]), "📎 kite.pdf");
  assert.equal(line([PDF, PHOTO]), "📎 2 files");
  assert.equal(line([PHOTO], "the *field*\nthis morning"), "📷 the field this morning");
  assert.equal(line([], "*no* file"), "no file");
});

test("an edit changes the text only; of what was deleted no file is left, in the log or in a copy", () => {
  const before = message([PHOTO], { text: "one" });
  const edited = changed(before, { type: "edit", seq: 2, target: 1, text: "two" });
  assert.equal(edited.files, before.files);
  assert.deepEqual(changed(before, { type: "delete", seq: 2, target: 1 }).files, []);
  const frame = { type: "message", room: "lobby", seq: 1, from: "p-bob", name: "Bob", text: "", at: AT, files: [PDF] };
  const joined = { type: "joined", isFresh: true, frame: { room: "lobby", after: 0, head: 1, epoch: "e", reset: false } };
  const state = [joined, { type: "event", frame }].reduce(reduce, initialState("lobby"));
  assert.equal(copyAt(state, "lobby", 1).line, "📎 kite.pdf");
  const deleted = reduce(state, { type: "event", frame: { type: "delete", room: "lobby", seq: 2, target: 1, from: "p-bob", name: "Bob", at: AT } });
  assert.equal(copyAt(deleted, "lobby", 1).line, texts.talkDeleted);
  assert.ok(!JSON.stringify([...deleted.rooms]).includes("kite"));
});

test("what waits in the outbox has its files, with the person's own copy of each", () => {
  const files = [{ key: "k1", name: "kite.jpg", bytes: 9, upload: null, alt: "A kite", asFile: false, mediaType: "image/jpeg", local: "blob:x", progress: 0.5 }];
  const [waiting] = waitingMessages([{ id: "c1", command: "send", room: "lobby", at: 0, text: "", files, status: "uploading" }], { id: "p-me", name: "Ada" });
  const [{ n, kind = kindOf(waiting.files[0]), local, progress, previews }] = waiting.files;
  assert.deepEqual([n, kind, local, progress, previews], [0, "image", "blob:x", 0.5, []]);
  assert.equal(lineOf(waiting), "📷 Photo");
  const [bare] = waitingMessages([{ id: "c2", command: "send", room: "lobby", at: 0, text: "", files: [{ key: "k2", name: "x.bin", bytes: 1 }], status: "waiting" }], null);
  assert.equal(lineOf(bare), "📎 x.bin");
});

const garden = { room: "~Kq 1/?", seq: 120 };

test("the address of a file says which message, and no name leads elsewhere", () => {
  const [photo] = filesOf([PHOTO]);
  assert.equal(addressOf(garden, photo), "files/~Kq%201%2F%3F/120/0/kite.jpg");
  assert.equal(downloadOf(garden, photo), "files/~Kq%201%2F%3F/120/0/kite.jpg?download");
  for (const name of ["", ".", ".."]) assert.equal(addressOf(garden, { ...photo, name }), "files/~Kq%201%2F%3F/120/0/file");
  assert.equal(addressOf(garden, { ...photo, name: "50% #1?.jpg" }), "files/~Kq%201%2F%3F/120/0/50%25%20%231%3F.jpg");
  assert.equal(addressOf({ room: "lobby", seq: null }, { ...photo, local: "blob:x" }), "blob:x");
  assert.equal(addressOf({ room: "lobby", seq: null }, { ...photo, of: { room: "garden", seq: 3, n: 1 } }), "files/garden/3/1/kite.jpg");
  assert.equal(addressOf({ room: "lobby", seq: null }, photo), null);
});

test("of its previews the browser is told how wide they are, of other pictures there is the original", () => {
  const sources = (told, item = garden) => sourcesOf({ ...item, room: "garden" }, filesOf([told])[0]);
  assert.deepEqual(sources(PHOTO), {
    src: "files/garden/120/0/kite.jpg?size=1600", srcset: "files/garden/120/0/kite.jpg?size=480 480w, files/garden/120/0/kite.jpg?size=1600 1600w",
  });
  assert.match(sources({ ...PHOTO, width: 1000, height: 4000 }).srcset, / 120w, .* 400w$/);
  assert.deepEqual(sources({ ...PHOTO, previews: [] }), { src: "files/garden/120/0/kite.jpg", srcset: "" });
  assert.equal(sources(VIDEO), null);
  assert.equal(sources({ ...VIDEO, previews: [480] }).src, "files/garden/120/0/kite.mp4?size=480");
  assert.equal(sources(PHOTO, { seq: null }), null);
});

test("a size is written for people, an ending says what sort of file it is", () => {
  assert.deepEqual([0, 1, 999, 1000, 23_400, 4_183_922, 999_999_999, 5e12].map(sizeText),
    ["0 bytes", "1 byte", "999 bytes", "1 kB", "23.4 kB", "4.18 MB", "1 GB", "5,000 GB"]);
  assert.deepEqual(["a.PDF", "b.tar.gz", "README", "x.", "photo.jpeg", "a.b c"].map((name) => endingOf({ name })), ["PDF", "GZ", "", "", "JPEG", ""]);
  assert.deepEqual(["a.PDF", "b.tar.gz", "README", "s.xlsx"].map((name) => sortOf({ name })), ["pdf", "archive", "other", "sheet"]);
});

test("a message has a small picture of the first that it shows, a smaller one is its own", () => {
  const thumb = (...files) => thumbOf("a b", message(files));
  assert.equal(thumb(PDF, PHOTO), "files/a%20b/1/1/x?size=480");
  const { previews: _, ...small } = PHOTO;
  assert.equal(thumb(small), "files/a%20b/1/0/x?size=");
  assert.equal(thumb({ ...VIDEO, previews: [480] }), "files/a%20b/1/0/x?size=480");
  for (const file of [VIDEO, PDF, VOICE, { ...small, as_file: true }]) assert.equal(thumb(file), "", file.name);
  assert.equal(thumb(), "");
});
