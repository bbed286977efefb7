/**
 * A real HTTP server with the data plane of uploads, as docs/protocol.md has it, and XMLHttpRequest for node over it: what
 * `net/request.js` uses of a browser's.
 */
import http from "node:http";

/** Keeps what comes; does to each request what `deviate` says, in place of the honest answer. */
export class UploadServer {
  uploads = new Map(); // id -> {length, bytes: Buffer, isComplete, poster}
  requests = []; // [method, path, status]
  /** Returns a status, "cut" (the connection breaks in the middle), or null for the honest answer. */
  deviate = () => null;

  async start() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** What the command `upload` answers. */
  begin({ id, bytes }) {
    const upload = `u-${id}`;
    if (!this.uploads.has(upload)) this.uploads.set(upload, { length: bytes, bytes: Buffer.alloc(0), isComplete: false, poster: null });
    const { bytes: { length: offset }, isComplete } = this.uploads.get(upload);
    return { ok: true, type: "upload", upload, offset, chunk: 1 << 20, ...(isComplete && { complete: true }) };
  }

  async #answer(request, response) {
    const [, id, part] = request.url.match(/^\/uploads\/([^/]+)(\/poster)?$/) ?? [];
    const upload = this.uploads.get(id);
    const end = (status, headers = {}, text = "") => {
      this.requests.push([request.method, request.url, status]);
      response.writeHead(status, headers);
      response.end(text);
    };
    const { socket } = request;
    const wish = this.deviate(request, upload);
    const from = upload?.bytes.length ?? 0;
    let got = 0;
    const isTaken = request.method === "PATCH" && wish !== 413 && upload && Number(request.headers["upload-offset"]) === from;
    try {
      for await (const chunk of request) {
        got += chunk.length;
        if (isTaken && typeof wish !== "number") upload.bytes = Buffer.concat([upload.bytes, chunk]);
        if (part && upload) upload.poster = Buffer.concat([upload.poster ?? Buffer.alloc(0), chunk]);
        if (wish === "cut" && got > 1000) break;
      }
    } catch {
      return; // the client hung up
    }
    if (wish === "cut") {
      this.requests.push([request.method, request.url, 0]);
      return socket.destroy();
    }
    if (typeof wish === "number") return end(wish, {}, wish === 422 ? "This picture is too large to show." : "");
    if (!upload) return end(404);
    const offset = { "Upload-Offset": String(upload.bytes.length), "Upload-Length": String(upload.length) };
    if (part) return end(204);
    if (request.method === "HEAD") return end(204, offset);
    if (!isTaken) return end(409, offset);
    if (request.headers["upload-complete"] !== "?1") return end(204, offset);
    upload.isComplete = true;
    return end(200, offset, "{}");
  }
}

/** XMLHttpRequest, as far as `net/request.js` goes; addresses are relative to `base()`. */
export const requestsTo = (base) =>
  class {
    status = 0;
    responseText = "";
    upload = { onprogress() {}, onload() {} };
    onloadend = () => {};
    #headers = {};
    #answered = {};
    #request = null;
    #isOver = false;

    open(method, url) {
      Object.assign(this, { method, url: new URL(url, base()) });
    }

    setRequestHeader(name, value) {
      this.#headers[name] = value;
    }

    getResponseHeader(name) {
      return this.#answered[name.toLowerCase()] ?? null;
    }

    async send(body) {
      const bytes = body === null ? null : await body.arrayBuffer().then(Buffer.from, () => undefined);
      if (bytes === undefined) return this.#end(); // as browsers do for a file that has changed
      if (this.#isOver) return;
      const length = bytes === null ? {} : { "Content-Length": bytes.length };
      this.#request = http.request(this.url, { method: this.method, headers: { ...this.#headers, ...length }, agent: false });
      this.#request.on("error", () => this.#end());
      this.#request.on("response", async (response) => {
        const parts = [];
        try {
          for await (const part of response) parts.push(part);
        } catch {
          return this.#end();
        }
        this.status = response.statusCode;
        this.#answered = response.headers;
        this.responseText = Buffer.concat(parts).toString();
        this.#end();
      });
      for (let at = 0; bytes && at < bytes.length; at += 65_536) {
        const loaded = Math.min(at + 65_536, bytes.length);
        this.#request.write(bytes.subarray(at, loaded), () => this.#isOver || this.upload.onprogress({ loaded }));
      }
      this.#request.end(() => this.#isOver || this.upload.onload());
    }

    abort() {
      this.#request?.destroy();
      this.status = 0;
      this.#end();
    }

    #end() {
      if (this.#isOver) return;
      this.#isOver = true;
      this.onloadend();
    }
  };
