/**
 * Pictures into the clipboard, which takes them as PNG. Browsers do that for secure pages only.
 */

/** Whether the browser can. */
export const canCopyPictures = () => typeof ClipboardItem !== "undefined" && Boolean(navigator.clipboard?.write);

/** @param {string} address of a picture of this server @returns {Promise<boolean>} whether it is in the clipboard now */
export async function copyPicture(address) {
  try {
    // Safari wants to be asked at once, and waits for what is promised.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": fetchPng(address) })]);
    return true;
  } catch {
    return false;
  }
}

async function fetchPng(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no PNG"))), "image/png"));
}
