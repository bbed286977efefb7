/**
 * Profile pictures: any image becomes a small one, the middle square, in the format that the browser writes best.
 */
const SIDE_PX = 128;
const MOST_BYTES = 32 * 1024;
const ATTEMPTS = [["image/webp", 0.85], ["image/jpeg", 0.85], ["image/jpeg", 0.6], ["image/jpeg", 0.4]];

/** @param {Blob} file @returns {Promise<string|null>} Base64; null if it is no picture */
export async function smallPicture(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_PX;
  const pen = canvas.getContext("2d");
  const side = Math.min(image.width, image.height);
  pen.imageSmoothingQuality = "high";
  pen.fillStyle = "#ffffff"; // below what is transparent
  pen.fillRect(0, 0, SIDE_PX, SIDE_PX);
  pen.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, SIDE_PX, SIDE_PX);
  image.close();
  for (const [type, quality] of ATTEMPTS) {
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, quality));
    if (blob?.type === type && blob.size <= MOST_BYTES) return base64(blob);
  }
  return null;
}

async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
