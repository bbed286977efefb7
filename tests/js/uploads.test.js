/** Files of messages reach the server whole, once, and in order, whatever breaks on the way; and what cannot be sent says why. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { nextToSend, firstFailed } from "../../static/js/core/outbox.js";
import { readEntry } from "../../static/js/core/outbox-entry.js";
import { mayTryAgain } from "../../static/js/core/failed.js";
import { shown, openRoom } from "../../static/js/core/select.js";
import { initialState, reduce } from "../../static/js/core/state.js";
import { Store } from "../../static/js/core/store.js";
import { Files } from "../../static/js/app/files.js";
import { KeptCommands } from "../../static/js/app/commands.js";
import { Chunks } from "../../static/js/net/chunks.js";
import { commandOf } from "../../static/js/net/protocol.js";
import { FilesSession } from "../../static/js/net/files-session.js";
import { Uploads } from "../../static/js/net/uploads.js";
import { UploadTurns } from "../../static/js/net/upload-turns.js";
import { UploadServer, requestsTo } from "./upload-server.js";

const MIB = 1 << 20;

const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const blobOf = (size) => new Blob([randomBytes(size)], { type: "image/png" });
const shaOf = async (blob) => sha(Buffer.from(await blob.arrayBuffer()));

/** Storage of a browser, in memory. */
function storage() {
  const values = new Map();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value), removeItem: (key) => values.delete(key) };
}

/** Kept files, in memory: what a reload finds. */
class Kept {
  files = new Map();

  async put(file) {
    this.files.set(file.key, file);
    return true;
  }

  async get(key) {
    return this.files.get(key) ?? null;
  }

  async remove(key) {
    this.files.delete(key);
  }

  async clean() {}
}

/** A page that is connected, over the server. */
function openPage(t, { server, kept = new Kept(), local = storage(), entries = [], ask = null }) {
  globalThis.XMLHttpRequest = requestsTo(() => server.url);
  const store = new Store(reduce, initialState("lobby"));
  const asked = [];
  const commands = new KeptCommands(store);
  const answer = async (frame) => {
    asked.push(frame);
    if (store.state.connection.phase !== "online") return { ok: false, code: "offline", message: "" };
    return (await ask?.(frame)) ?? (frame.type === "upload" ? server.begin(frame) : { ok: true });
  };
  const uploads = new Uploads(store, answer, {
    kept, chunks: new Chunks(() => local), turns: new UploadTurns(() => local, async () => {}), pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const app = { retry: (id) => commands.retry(id), send: (room, text, { files }) => commands.queue({ command: "send", room, text, files }) };
  const files = new Files(store, { ask: answer, token: null }, app, uploads);
  store.dispatch({ type: "restored", entries });
  const page = {
    store, asked, files, uploads, kept, commands, app,
    online: (isOnline = true) => store.dispatch({ type: "connection", phase: isOnline ? "online" : "waiting" }),
    /** Wait until the state is so. */
    until: (is) => new Promise((resolve) => {
      const end = store.subscribe((state) => is(state) && (end(), resolve()));
      if (is(store.state)) (end(), resolve());
    }),
    ready: () => page.until(({ outbox }) => outbox.every(({ status }) => status !== "uploading")),
  };
  page.online();
  t.after(() => {
    for (const { id } of store.state.outbox) store.dispatch({ type: "discarded", id });
  });
  return page;
}

async function withServer(t) {
  const server = new UploadServer();
  await server.start();
  t.after(() => server.stop());
  return server;
}

test("files of a message are uploaded one after the other, and then it can be sent", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  const blobs = [blobOf(3 * MIB + 17), blobOf(0), blobOf(200)];
  page.files.send("lobby", "look", blobs.map((blob, index) => ({ blob, name: `${index}.png`, alt: index === 0 ? "A kite" : "" })));
  const [entry] = page.store.state.outbox;
  assert.equal(entry.status, "uploading");
  assert.equal(nextToSend(page.store.state), null);
  await page.ready();
  const [sent] = page.store.state.outbox;
  assert.equal(sent.status, "waiting");
  assert.equal(nextToSend(page.store.state), sent);
  const frame = commandOf(sent);
  assert.deepEqual(JSON.parse(JSON.stringify(frame.files)), sent.files.map(({ upload }, index) => ({ upload, ...(index === 0 && { alt: "A kite" }) })));
  for (const [index, { upload }] of sent.files.entries()) {
    assert.equal(sha(server.uploads.get(upload).bytes), await shaOf(blobs[index]));
    assert.ok(server.uploads.get(upload).isComplete);
  }
  assert.equal(page.kept.files.size, 3); // until it is acked
  page.store.dispatch({ type: "discarded", id: sent.id });
  await null;
  assert.equal(page.kept.files.size, 0);
});

test("an upload that is cut five times arrives whole", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  let cuts = 0;
  server.deviate = ({ method }) => (method === "PATCH" && cuts < 5 ? (cuts += 1, "cut") : null);
  const blob = blobOf(5 * MIB);
  page.files.send("lobby", "", [{ blob, name: "a.bin" }]);
  await page.ready();
  assert.equal(cuts, 5);
  const [{ files: [{ upload }] }] = page.store.state.outbox;
  assert.equal(sha(server.uploads.get(upload).bytes), await shaOf(blob));
  assert.ok(server.requests.some(([method]) => method === "HEAD"));
});

test("it goes on when the connection is back, where the server has it to", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  let patches = 0;
  server.deviate = ({ method }) => {
    if (method !== "PATCH" || (patches += 1) !== 2) return null;
    page.online(false); // and the socket goes as well
    setTimeout(() => page.online(), 20);
    return "cut";
  };
  const blob = blobOf(4 * MIB);
  page.files.send("lobby", "", [{ blob, name: "a.bin" }]);
  await page.ready();
  const [{ status, files: [{ upload }] }] = page.store.state.outbox;
  assert.equal(status, "waiting");
  assert.equal(sha(server.uploads.get(upload).bytes), await shaOf(blob));
});

test("after a reload it goes on from what the browser has kept; without that it says so", async (t) => {
  const server = await withServer(t);
  const local = storage();
  const kept = new Kept();
  const first = openPage(t, { server, kept, local });
  const blob = blobOf(3 * MIB);
  let patches = 0;
  server.deviate = ({ method }) => {
    if (method !== "PATCH" || (patches += 1) !== 2) return null;
    first.online(false); // and never again: the page is closed
    return "cut";
  };
  first.files.send("lobby", "", [{ blob, name: "a.bin" }]);
  await first.until(({ connection }) => connection.phase !== "online");
  const left = JSON.parse(JSON.stringify(first.store.state.outbox)).map(readEntry);
  local.removeItem(`trio-chat.uploading.${left[0].id}`); // as when the page is hidden
  const second = openPage(t, { server, kept, local, entries: left });
  assert.equal(second.store.state.outbox[0].status, "uploading");
  await second.ready();
  const [{ status, files: [{ upload }] }] = second.store.state.outbox;
  assert.equal(status, "waiting");
  assert.equal(sha(server.uploads.get(upload).bytes), await shaOf(blob));

  server.uploads.clear();
  const third = openPage(t, { server, entries: left, local: storage() });
  await third.ready();
  const failed = firstFailed(third.store.state);
  assert.equal(failed.code, "lost");
  assert.match(failed.reason, /“a\.bin”.*choose it again/);
  assert.equal(mayTryAgain(third.store.state, failed), false);
});

test("two tabs do not upload the same message, and one goes on for the other", async (t) => {
  const server = await withServer(t);
  const local = storage();
  const kept = new Kept();
  const first = openPage(t, { server, kept, local });
  server.deviate = ({ method }) => (method === "PATCH" ? "cut" : null); // it stays under way
  first.files.send("lobby", "", [{ blob: blobOf(MIB), name: "a.bin" }]);
  const second = openPage(t, { server, kept, local, entries: first.store.state.outbox });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(second.asked, []);
  first.online(false);
  const turns = new UploadTurns(() => local, async () => {});
  assert.equal(await turns.take(first.store.state.outbox[0].id, false), false);
});

test("a file that cannot be read on the disk any more is sent from the copy that the browser has kept", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  const blob = blobOf(3 * MIB);
  class Changed extends Blob {
    slice(from, to) {
      return from < 2 * MIB ? blob.slice(from, to) : { size: to - from, arrayBuffer: () => Promise.reject(new Error("it was changed")) };
    }

    get size() {
      return blob.size;
    }
  }
  const put = page.kept.put.bind(page.kept);
  page.kept.put = (file) => put({ ...file, blob });
  page.files.send("lobby", "", [{ blob: new Changed([]), name: "a.bin" }]);
  await page.ready();
  const [{ status, files: [{ upload }] }] = page.store.state.outbox;
  assert.equal(status, "waiting");
  assert.equal(sha(server.uploads.get(upload).bytes), await shaOf(blob));

  page.kept.put = async () => false; // nothing is kept
  page.files.send("lobby", "", [{ blob: new Changed([]), name: "b.bin" }]);
  await page.ready();
  assert.equal(firstFailed(page.store.state).code, "unreadable");
});

test("what is left of the quota shrinks with what is sent, until the server tells it anew", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  assert.equal(page.files.left, Infinity);
  page.store.dispatch({ type: "welcome", frame: { rooms: [], about: { limits: { file_bytes: 99, files: 10, files_left: 500 } } } });
  page.online();
  page.files.send("lobby", "", [{ blob: blobOf(100), name: "a.bin" }]);
  page.files.send("lobby", "", [{ blob: blobOf(150), name: "b.bin" }]);
  assert.equal(page.files.left, 250);
  page.files.cancel(page.store.state.outbox[1].id);
  assert.equal(page.files.left, 400);
});

test("messages of the same room wait behind it, others and changes do not", () => {
  let state = { ...initialState("lobby"), isOutboxRestored: true };
  const queue = (entry) => (state = reduce(state, { type: "queued", entry: { at: 1, ...entry } }));
  queue({ id: "1", command: "send", room: "lobby", text: "", files: [{ key: "k", name: "a", bytes: 1 }] });
  queue({ id: "2", command: "send", room: "lobby", text: "behind" });
  queue({ id: "3", command: "edit", room: "lobby", target: 1, text: "changed" });
  queue({ id: "4", command: "send", room: "garden", text: "elsewhere" });
  const next = () => nextToSend(state)?.id;
  assert.equal(next(), "3");
  state = reduce(state, { type: "discarded", id: "3" });
  assert.equal(next(), "4");
  state = reduce(state, { type: "discarded", id: "4" });
  assert.equal(next(), undefined);
  state = reduce(state, { type: "failed", id: "1", code: "quota", reason: "Full." });
  assert.equal(next(), "2");
  state = reduce(state, { type: "retried", id: "1" });
  assert.equal(state.outbox[0].status, "uploading");
  state = reduce(state, { type: "fileChanged", id: "1", key: "k", changes: { upload: "u-1", isComplete: true } });
  assert.equal(next(), "1");
});

for (const [what, deviate, code, reason] of [
  ["a picture that cannot be shown", ({ headers }) => (headers["upload-complete"] ? 422 : null), "unusable", /too large to show/],
  ["a full disk", ({ method }) => (method === "PATCH" ? 507 : null), "disk_full", /no space/],
  ["a proxy that takes nothing", ({ method }) => (method === "PATCH" ? 413 : null), "too_large", /Something between/],
  ["a server that always breaks off", ({ method }) => (method === "PATCH" ? 502 : null), "broke", /again and again/],
]) {
  test(`${what}: the message fails with a reason, and the next one goes out`, async (t) => {
    const server = await withServer(t);
    const page = openPage(t, { server });
    server.deviate = (request, upload) => (upload?.length === 2 * MIB ? deviate(request) : null);
    page.files.send("lobby", "", [{ blob: blobOf(2 * MIB), name: "bad.png" }]);
    page.files.send("lobby", "", [{ blob: blobOf(10), name: "good.png" }]);
    await page.ready();
    const [bad, good] = page.store.state.outbox;
    assert.deepEqual([bad.status, bad.code, good.status], ["failed", code, "waiting"]);
    assert.match(bad.reason, reason);
  });
}

test("a refused upload says what the server says before a byte is sent", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server, ask: ({ type }) => type === "upload" && { ok: false, code: "quota", message: "You have 2 MB left." } });
  const sending = page.files.send("lobby", "", [{ blob: blobOf(10), name: "a.png" }]);
  assert.deepEqual(await sending, { ok: false, code: "quota", message: "You have 2 MB left." });
  assert.deepEqual(server.requests, []);
});

test("what the server cannot show is sent as a file, under another upload", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  server.deviate = ({ headers }, upload) => (headers["upload-complete"] && upload && !upload.asFile ? 422 : null);
  const begin = server.begin.bind(server);
  server.begin = (frame) => {
    const answer = begin(frame);
    server.uploads.get(answer.upload).asFile = frame.as_file;
    return answer;
  };
  page.files.send("lobby", "", [{ blob: blobOf(10), name: "a.png" }]);
  await page.ready();
  const { upload: before } = page.store.state.outbox[0].files[0];
  page.files.sendAsFile(page.store.state.outbox[0]);
  await page.ready();
  const [{ status, files: [file] }] = page.store.state.outbox;
  assert.deepEqual([status, file.asFile], ["waiting", true]);
  assert.notEqual(file.upload, before);
  assert.ok(page.asked.some(({ type, upload }) => type === "cancel_upload" && upload === before));
});

test("chunks shrink below what a proxy takes, and that is remembered", async (t) => {
  const server = await withServer(t);
  const local = storage();
  const page = openPage(t, { server, local });
  server.deviate = ({ headers }) => (Number(headers["content-length"]) > 300_000 ? 413 : null);
  page.files.send("lobby", "", [{ blob: blobOf(2 * MIB), name: "a.bin" }]);
  await page.ready();
  assert.equal(page.store.state.outbox[0].status, "waiting");
  assert.equal(new Chunks(() => local).size, 262_144);
  const chunks = new Chunks(() => storage());
  chunks.took(MIB, 100);
  chunks.took(2 * MIB, 100);
  chunks.took(4 * MIB, 100);
  assert.equal(chunks.size, 4 * MIB);
  chunks.took(4 * MIB, 21_000);
  assert.equal(chunks.size, 2 * MIB);
});

test("cancelling ends the transfer, tells the server, and what is behind it goes out", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  server.deviate = ({ method }, upload) => (method === "PATCH" && upload?.length === 3 * MIB ? "cut" : null);
  page.files.send("lobby", "", [{ blob: blobOf(3 * MIB), name: "a.bin" }]);
  page.files.send("lobby", "", [{ blob: blobOf(5), name: "b.bin" }]);
  await page.until(({ outbox }) => outbox[0].files[0].upload !== null);
  const [{ id, files: [{ upload }] }] = page.store.state.outbox;
  page.files.cancel(id);
  page.store.dispatch({ type: "discarded", id });
  await page.ready();
  assert.equal(page.store.state.outbox.length, 1);
  assert.ok(page.asked.some((frame) => frame.type === "cancel_upload" && frame.upload === upload));
});

test("a still of a video goes before the end; a forwarded file has no bytes to send", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server, ask: ({ of }) => of && { ok: true, upload: "u-copy", complete: true } });
  const poster = blobOf(50);
  page.files.send("lobby", "", [{ blob: blobOf(100), name: "a.mp4", poster: Promise.resolve(poster) }]);
  page.files.send("lobby", "", [{ of: { room: "garden", seq: 3, n: 0 }, name: "b.png", mediaType: "image/png", bytes: 12 }]);
  await page.ready();
  const [{ files: [video] }, { files: [copy] }] = page.store.state.outbox;
  assert.equal(sha(server.uploads.get(video.upload).poster), await shaOf(poster));
  assert.equal(copy.upload, "u-copy");
});

test("it is shown at once, from the person's own copy and with how far it is", async (t) => {
  const server = await withServer(t);
  const page = openPage(t, { server });
  page.online(false);
  page.files.send("lobby", "look", [{ blob: blobOf(10), name: "a.png", width: 30, height: 20 }]);
  const [message] = shown(page.store.state, openRoom(page.store.state)).events;
  const [{ name, mediaType, bytes, width, n, local, progress }] = message.files;
  assert.deepEqual([name, mediaType, bytes, width, n, progress, message.status], ["a.png", "image/png", 10, 30, 0, 0, "waiting"]);
  assert.match(local, /^blob:/);
  page.online();
  await page.ready();
  assert.equal(shown(page.store.state, openRoom(page.store.state)).events[0].files[0].progress, 1);
});

test("what is kept of files is read with care", () => {
  const entry = { id: "1", command: "send", room: "lobby", text: "", at: 1, status: "uploading", files: [{ key: "k", name: "a", bytes: 1, upload: null }] };
  assert.deepEqual(readEntry(entry).files, entry.files);
  for (const files of [[{}], "x", [{ key: "k" }], [null]]) assert.equal(readEntry({ ...entry, files }).files, undefined);
});

test("the cookie for pictures is asked for once for each token, and again while there is no answer", async () => {
  const store = new Store(reduce, initialState("lobby"));
  const asked = [];
  const answers = [503, 204, 204];
  let token = "one";
  new FilesSession(store, () => token, async (url, { headers }) => {
    asked.push(headers.Authorization);
    return { status: answers.shift() };
  });
  const online = () => store.dispatch({ type: "connection", phase: "online" });
  online();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  online();
  assert.deepEqual(asked, ["Bearer one", "Bearer one"]);
  assert.ok(store.state.hasFilesSession);
  token = "two";
  online();
  assert.deepEqual(asked, ["Bearer one", "Bearer one", "Bearer two"]);
});

test("a picture of a room or of oneself arrives whole although the line breaks, and is then shown", async (t) => {
  const server = await withServer(t);
  const asked = [];
  const ask = async (frame) => (frame.type === "upload_picture" ? server.begin({ id: "picture", ...frame }) : null);
  const page = openPage(t, { server, ask });
  page.app.setRoom = async (room, changes) => (asked.push([room, changes]), { ok: true });
  page.app.setProfile = async (changes) => (asked.push(changes), { ok: true });
  let cuts = 0;
  server.deviate = ({ method }) => (method === "PATCH" && cuts < 2 ? (cuts += 1, "cut") : null);
  const blob = blobOf(80_000);
  assert.deepEqual(await page.files.setPicture("garden", blob), { ok: true });
  assert.equal(sha(server.uploads.get("u-picture").bytes), await shaOf(blob));
  assert.deepEqual(page.asked.find(({ type }) => type === "upload_picture"), { type: "upload_picture", room: "garden", bytes: 80_000 });
  assert.deepEqual(await page.files.setPicture(null, null), { ok: true });
  assert.deepEqual(asked, [["garden", { picture: "u-picture" }], { picture: "" }]);
  server.deviate = () => 422;
  server.uploads.clear();
  const refused = await page.files.setPicture(null, blob);
  assert.deepEqual(refused, { ok: false, code: "unusable", message: "This picture is too large to show." });
  assert.equal(asked.length, 2);
});
