/**
 * Face: the large avatar of a person or a room; a press shows its picture full screen.
 */
import { laterTexts } from "../../core/later-texts.js";
import { pictureAddress, updateAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";

/** @param {string} className of the avatar @returns {{element: HTMLButtonElement, avatar: HTMLElement, show(face: object): void}} see `makeAvatar` */
export function makeFace(className) {
  const avatar = make("span", `avatar ${className}`);
  let shown = null;
  const element = button("face", "", () => openPicture(shown));
  element.append(avatar);
  return {
    element,
    avatar,
    show(face) {
      shown = face;
      updateAvatar(avatar, face);
      avatar.classList.toggle("seal", Boolean(face.isSeal));
      element.disabled = !face.picture;
      element.setAttribute("aria-label", laterTexts.shellPictureOf(face.name));
    },
  };
}

function openPicture({ name, picture }) {
  const image = make("img");
  Object.assign(image, { alt: laterTexts.shellPictureOf(name), src: pictureAddress(picture, 0), draggable: false });
  openDialog({ title: name, className: "whole", content: [image] });
}
