/**
 * Layers: the one stack of all that is open over the room or beside it, dialogs, menus, panels. Escape takes away the topmost,
 * in every browser, wherever the focus is in it; so does Back (`views/shell/screen.js`). When something is closed, in
 * whatever way, the focus goes back to where it was.
 */
import { onKeydown } from "./dom.js";
import { isTouchScreen } from "./hands.js";

const stack = []; // {close, isModal}
let told = () => {};
let isListening = false;

/** @param {() => void} listener told when something was opened or closed */
export function followLayers(listener) {
  told = listener;
}

/** How many are open. */
export const countLayers = () => stack.length;

/** Whether something is open beside which nothing else can be used. */
export const hasModal = () => stack.some(({ isModal }) => isModal);

/**
 * Something opens.
 * @param {HTMLElement} element @param {{close(): void, isModal?: boolean}} options how Escape and Back close it; whether
 *   nothing else can be used meanwhile
 * @returns {(remove: () => void) => void} to be called when it closes, in whatever way, with what takes it from the screen
 */
export function openLayer(element, { close, isModal = true }) {
  if (!isListening) {
    isListening = true;
    onKeydown(window, onEscape);
  }
  const opener = document.activeElement;
  const layer = { close, isModal };
  stack.push(layer);
  told();
  return (remove) => {
    // Who closed it by a key may have gone on already, to write say: their focus stays where it is.
    const focused = document.activeElement;
    const isFree = !focused || focused === document.body || element.contains(focused);
    const index = stack.indexOf(layer);
    if (index >= 0) stack.splice(index, 1);
    remove();
    if (isFree) giveBack(opener);
    told();
  };
}

/** Close what was opened last. @returns {boolean} whether there was something */
export function closeTopLayer() {
  const layer = stack.pop(); // before it closes: it must not be asked again
  layer?.close();
  return Boolean(layer);
}

/** Close all dialogs: something else is shown now. */
export function closeModals() {
  for (const layer of [...stack].reverse()) if (layer.isModal) layer.close();
}

function onEscape(event) {
  if (event.key === "Escape" && closeTopLayer()) event.preventDefault(); // or the browser would close another one
}

/** What opened it may be gone meanwhile: then writing goes on. */
function giveBack(opener) {
  const isThere = opener?.isConnected && opener !== document.body && opener.checkVisibility?.() !== false;
  const isOpenStill = document.querySelector("dialog[open]");
  if (isThere) opener.focus({ preventScroll: true });
  else if (!isOpenStill && !isTouchScreen()) focusField();
}

function focusField() {
  (document.getElementById("editor") ?? document.getElementById("msg"))?.focus({ preventScroll: true });
}
