/**
 * A picture or a video of a message, in the gallery. What is shown first is a blur of the right colours; then the preview that
 * fits the screen. What moves plays under the mouse, but not for who asks for less movement; a video by itself plays in
 * its place.
 */
import { albumTexts } from "../../../core/album-texts.js";
import { addressOf, sourcesOf } from "../../../core/file-facts.js";
import { kindOf } from "../../../core/files.js";
import { makeBlur } from "../../parts/blur.js";
import { make, pressable } from "../../parts/dom.js";
import { loadPicture } from "../../parts/picture-loader.js";

const LARGE_PX = 352; // the widest that one is by itself; as in files.css
const HALF_PX = 176;

/**
 * @param {HTMLElement} gallery @param {import("../../../core/files.js").File} file
 * @param {{item: object, app: object, press(what: string, n: number): void, isSingle: boolean}} context
 * @returns {{update(file: object, item: object): void, showMore(count: number): void}}
 */
export function makePicture(gallery, file, { item, app, press, isSingle }) {
  const isVideo = kindOf(file) === "video";
  const label = isVideo ? (isSingle ? albumTexts.playVideo : albumTexts.video)(file.name)
    : (file.isAnimated ? albumTexts.animated : albumTexts.photo)(file.alt);
  const open = () => {
    if (box.dataset.state === "failed") image?.retry();
    else if (isVideo && isSingle) play();
    else press("open", file.n);
  };
  const box = pressable("picture", label, open);
  const image = sourcesOf(item, file) && loadPicture(box, app);
  if (file.blur) box.append(makeBlur(file.blur));
  if (image) box.append(image.element);
  if (isVideo) box.append(make("span", "play-sign"));
  if (file.isAnimated) box.append(labelled("picture-badge", albumTexts.gif));
  gallery.append(box);

  let address = null;
  let now = { file, item };
  const update = (next, nextItem) => {
    now = { file: next, item: nextItem };
    const wanted = addressOf(nextItem, next);
    const wasOwn = address?.startsWith("blob:"); // what the person sees already stays: it is the same
    if (image && wanted !== address && !wasOwn) image.show({ ...sourcesOf(nextItem, next), sizes: `${sizeOf(next, isSingle)}px` });
    address = wanted;
  };
  const play = () => {
    const video = make("video", "");
    Object.assign(video, { src: addressOf(now.item, now.file), controls: true, playsInline: true, preload: "auto", tabIndex: -1, poster: image?.element.currentSrc ?? "" });
    video.setAttribute("aria-label", label);
    video.addEventListener("error", () => video.replaceWith(box));
    box.replaceWith(video);
    video.play().catch(() => {}); // who has pressed may press again
    video.focus({ preventScroll: true });
  };
  if (file.isAnimated && image) playUnderMouse(box, image.element, () => addressOf(now.item, now.file));
  return {
    update,
    showMore(count) {
      if (box.querySelector(".picture-more")) return;
      box.append(labelled("picture-more", albumTexts.more(count)));
      box.setAttribute("aria-label", albumTexts.andMore(label, count));
    },
  };
}

/** How wide the picture is drawn, in px: its box is covered by it. */
function sizeOf({ width, height }, isSingle) {
  const ratio = width / height || 1;
  return Math.ceil(isSingle ? Math.min(LARGE_PX, 384 * ratio) : HALF_PX * Math.max(1, ratio));
}

function playUnderMouse(box, image, addressNow) {
  let still = null;
  box.addEventListener("pointerenter", ({ pointerType }) => {
    if (pointerType !== "mouse" || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    still = { src: image.src, srcset: image.srcset };
    image.srcset = "";
    image.src = addressNow();
    box.classList.add("playing");
  });
  box.addEventListener("pointerleave", () => {
    if (still) Object.assign(image, still);
    still = null;
    box.classList.remove("playing");
  });
}

function labelled(className, text) {
  const element = make("span", className);
  element.dataset.label = text;
  element.setAttribute("aria-hidden", "true");
  return element;
}
