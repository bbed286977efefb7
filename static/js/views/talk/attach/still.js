/**
 * A still of a video, drawn by the browser of who sends it: the server decodes no videos.
 */
const LONGEST_PX = 1280;
const PATIENCE_MS = 10_000;
const MOST_BYTES = 1 << 20;

/**
 * @param {Blob} blob
 * @returns {Promise<{blob: Blob|null, width: number, height: number}>} of the video; blob: null if the browser cannot show it
 */
export async function stillOf(blob) {
  const video = document.createElement("video");
  const none = { blob: null, width: 0, height: 0 };
  const url = URL.createObjectURL(blob);
  const happened = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
    setTimeout(reject, PATIENCE_MS);
  });
  try {
    Object.assign(video, { muted: true, playsInline: true, preload: "auto" });
    const isLoaded = happened("loadeddata");
    video.src = url;
    await isLoaded;
    const isThere = happened("seeked");
    video.currentTime = Math.min(1, (Number.isFinite(video.duration) ? video.duration : 0) / 10); // the first frame is often black
    await isThere;
    const { videoWidth: width, videoHeight: height } = video;
    const scale = Math.min(1, LONGEST_PX / Math.max(width, height, 1));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    const still = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    return { blob: still && still.size <= MOST_BYTES ? still : null, width, height };
  } catch {
    return none;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}
