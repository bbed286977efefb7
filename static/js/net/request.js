/**
 * One HTTP request by XMLHttpRequest, since `fetch` does not tell how much of a body has gone out.
 */

const STALL_MS = 30_000; // so long nothing of the body went out
const ANSWER_MS = 120_000; // the answer to the last part of a file waits for the server to look at the whole of it

/**
 * Never rejects: status 0 says that there was no answer, for whatever reason.
 * @param {string} method @param {string} url
 * @param {{headers?: object, body?: Blob|null, signal?: AbortSignal|null, onProgress?: (bytes: number) => void}} options
 * @returns {Promise<{status: number, offset: number, text: string}>} offset: of the header `Upload-Offset`; NaN without
 */
export function request(method, url, { headers = {}, body = null, signal = null, onProgress = () => {} } = {}) {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    let timer = null;
    const expect = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(abort, ms);
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => {
      expect(STALL_MS);
      onProgress(loaded);
    };
    xhr.upload.onload = () => expect(ANSWER_MS);
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      const { status } = xhr;
      const offset = status === 0 ? null : xhr.getResponseHeader("Upload-Offset");
      resolve({ status, offset: offset === null ? NaN : Number(offset), text: status === 0 ? "" : xhr.responseText });
    };
    signal?.addEventListener("abort", abort);
    expect(body === null ? ANSWER_MS : STALL_MS);
    xhr.send(body);
    if (signal?.aborted) abort();
  });
}
