/**
 * The bytes of one file on their way into an upload: in parts, each of which says where it begins, so that it goes on after
 * a cut where the server has it to. The data plane of resumable uploads, see docs/protocol.md.
 */
import { fileTexts } from "../core/file-texts.js";

const MOST_FAILURES = 8; // in a row, without a byte that arrived, while the server answers otherwise
const MOST_MOVES = 20; // so often the server may say that it has another part
const COMPLETE = { "Upload-Complete": "?1" };

/**
 * @typedef {object} Way
 * @property {string} url of the upload
 * @property {AbortSignal} signal ends it
 * @property {import("./chunks.js").Chunks} chunks
 * @property {typeof import("./request.js").request} request
 * @property {(failures: number) => Promise<boolean>} again resolves when to try again after so many failures; with false if the
 *   connection was the reason
 * @property {(bytes: number) => void} onProgress
 * @property {() => Promise<Blob|null>} poster a still of a video, which goes before the end
 */

/**
 * Send a file from this offset on, until the server has it all and has looked at it.
 * @param {Blob} blob @param {number} offset @param {Way} way
 * @returns {Promise<{ok: true}|{ok: false, code: string, message: string}>} code: `aborted`, `gone` (the server knows the upload no
 *   more), `unusable` (a picture that cannot be shown), `unreadable` (the file was changed, or is gone), `too_large`, `disk_full`, `broke`
 */
export async function transfer(blob, offset, way) {
  const { signal, chunks, request, url } = way;
  let at = offset;
  let failures = 0;
  let moves = 0;
  let hasPoster = false;
  while (!signal.aborted) {
    const end = Math.min(at + chunks.size, blob.size);
    const isLast = end === blob.size;
    if (isLast && !hasPoster) {
      hasPoster = true; // it is sent without one if this fails
      const poster = await way.poster();
      if (poster) await request("PUT", `${url}/poster`, { body: poster, signal });
    }
    const began = Date.now();
    const answer = await request("PATCH", url, {
      signal,
      body: blob.slice(at, end),
      headers: { "Upload-Offset": String(at), "Content-Type": "application/partial-upload", ...(isLast && COMPLETE) },
      onProgress: (bytes) => way.onProgress(at + Math.min(bytes, end - at)),
    });
    if (answer.status === 200 && isLast) return { ok: true };
    if (answer.status === 204 || answer.status === 200) {
      chunks.took(end - at, Date.now() - began);
      failures = 0;
      at = within(answer.offset, blob) ?? end;
      if (isLast) moves += 1; // it was to be complete
      if (moves > MOST_MOVES) return broke;
    } else if (answer.status === 409 && moves < MOST_MOVES) {
      moves += 1;
      at = within(answer.offset, blob) ?? at;
    } else if (answer.status === 413 && chunks.tooMuch(end - at)) {
      continue;
    } else if (answer.status in REFUSALS) {
      return { ok: false, ...REFUSALS[answer.status](answer.text) };
    } else {
      if (signal.aborted) break;
      if (!(await isReadable(blob, at))) return { ok: false, code: "unreadable", message: fileTexts.unreadable };
      failures += 1;
      if (failures > MOST_FAILURES) return broke;
      if (failures > 1) chunks.less(); // one that answers before it has read all looks like a cut
      if (!(await way.again(failures))) failures = 0;
      if (signal.aborted) break;
      const head = await request("HEAD", url, { signal });
      if (head.status === 404) return { ok: false, ...REFUSALS[404]() };
      const now = within(head.offset, blob);
      if (now > at) failures = 0;
      at = now ?? at;
    }
    way.onProgress(at);
  }
  return { ok: false, code: "aborted", message: "" };
}

const broke = { ok: false, code: "broke", message: fileTexts.broke };

const REFUSALS = {
  404: () => ({ code: "gone", message: fileTexts.gone }),
  413: (text) => ({ code: "too_large", message: sentence(text) || fileTexts.tooMuchForProxy }),
  422: (text) => ({ code: "unusable", message: sentence(text) || fileTexts.unusable }),
  507: (text) => ({ code: "disk_full", message: sentence(text) || fileTexts.diskFull }),
};

/** What the server says, if it is the server that says it, and not a proxy with a page of its own. */
const sentence = (text) => (/^[^<>{}]{1,300}$/.test(text.trim()) ? text.trim() : "");

const within = (offset, { size }) => (Number.isSafeInteger(offset) && offset >= 0 && offset <= size ? offset : null);

/** Whether the browser can still read it: a file on the disk may have been changed or removed since it was chosen. */
async function isReadable(blob, at) {
  try {
    await blob.slice(at, at + 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
