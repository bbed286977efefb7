/**
 * The pictures and videos of a room that are loaded, full screen.
 */
import { loadedPlaces } from "../../core/pictures.js";
import { openLightbox } from "./lightbox.js";

/** @param {object} shell @param {string} room @param {import("../../core/pictures.js").Place} place the first to be seen */
export const openPictures = (shell, room, place) =>
  openLightbox(shell, room, place, {
    places: (state) => (state.rooms.has(room) ? loadedPlaces(state, room) : []),
    more: () => room === shell.app.state.open && shell.app.loadOlder(),
  });
