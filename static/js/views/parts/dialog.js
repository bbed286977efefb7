/**
 * Dialogs: in the middle or beside what opened them on a desktop, a sheet from below on a phone. Escape, the back
 * gesture, the button, a press beside it and a pull on the sheet close it, and the focus goes back to where it was.
 */
import { laterTexts } from "../../core/later-texts.js";
import { keepBeside } from "./beside.js";
import { iconButton, isPhone, make } from "./dom.js";
import { openLayer } from "./layers.js";
import { followTouch } from "./touch.js";

let topmost = null; // {kind, close()}

/**
 * @param {object} options
 * @param {string} options.title its heading, or only its label if `isBare`
 * @param {Node[]} options.content what stands in it; what has `autofocus` gets the focus
 * @param {string} [options.className]
 * @param {boolean} [options.isBare] without heading and close button, as a menu
 * @param {Element|{x: number, y: number}} [options.anchor] beside what it opens, except on phones
 * @param {(result: any) => void} [options.onClose] told once it is closed and the focus is back
 * @returns {{element: HTMLDialogElement, close(result?: any): void, place(): void}} `place` again when what it stands beside moved
 */
export function openDialog({ title, content, className = "", isBare = false, anchor = null, onClose = () => {} }) {
  const kind = `${className} ${title}`;
  if (topmost?.kind === kind) topmost.close(); // a second press, before the first one had opened it
  const body = make("div", "dialog-body", ...content);
  const element = make("dialog", `sheet ${className}`, body);
  element.setAttribute("aria-label", title);
  if (!isBare) {
    const head = heading(title, () => close());
    // Without a field to write in, reading begins at the heading, not at the way out.
    head.firstChild.autofocus = !body.querySelector("[autofocus]");
    element.prepend(head);
  }
  const below = topmost;
  const closed = openLayer(element, { close: () => close() });
  const letGo = followDrag(element, () => close());
  let isOpen = true;
  const close = (result) => {
    if (!isOpen) return;
    isOpen = false;
    topmost = below;
    beside?.stop();
    letGo();
    closed(() => {
      element.close();
      element.remove();
    });
    onClose(result);
  };
  topmost = { kind, close };
  closeOnBackdrop(element, close);
  // The browser closes it on the back gesture. What is chosen does not wait for its event, which comes later: keys
  // pressed meanwhile would go astray.
  element.addEventListener("close", () => close());
  document.body.append(element);
  element.showModal();
  const beside = anchor && keepBeside(element, anchor);
  return { element, close, place: () => beside?.place() };
}

function heading(title, onClose) {
  const name = make("h2", "", title);
  name.tabIndex = -1;
  return make("header", "dialog-head", name, iconButton("close", laterTexts.close, onClose));
}

/** A press that begins and ends beside the dialog closes it; a selection drawn out of it does not. */
function closeOnBackdrop(element, close) {
  let began = false;
  // Not "pointerdown": of a press beside a menu that a right click has opened WebKit tells only this.
  element.addEventListener("mousedown", (event) => (began = event.target === element));
  element.addEventListener("click", (event) => {
    if (began && event.target === element) close();
  });
}

/** On a phone a finger takes the sheet down: at its head, or anywhere if nothing in it scrolls. */
function followDrag(element, close) {
  const body = element.querySelector(".dialog-body");
  new ResizeObserver(() => element.classList.toggle("fits", body.scrollHeight <= body.clientHeight)).observe(body);
  return followTouch(element, {
    mayDrag({ target, clientY }) {
      if (!isPhone() || clientY < element.getBoundingClientRect().top) return false;
      const isHead = target === element || target.closest(".dialog-head, .menu-head");
      return Boolean(isHead || (element.matches(".menu-sheet.fits") && !target.closest("input, textarea, select")));
    },
    onDrag(distance) {
      element.classList.toggle("dragged", distance > 0);
      element.style.translate = distance > 0 ? `0 ${distance}px` : "";
    },
    onDragged: close,
  });
}

/**
 * Ask something that is answered by yes or no.
 * @param {{title: string, text: string, yes: string, no: string, isDanger?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, no, isDanger = false }) {
  return new Promise((resolve) => {
    const actions = make("div", "actions");
    const dialog = openDialog({
      title,
      className: "small",
      content: [make("div", "about", text), actions],
      onClose: (result) => resolve(result === true),
    });
    const answer = (label, className, value) => {
      const element = make("button", className, label);
      element.type = "button";
      element.addEventListener("click", () => dialog.close(value));
      return element;
    };
    actions.append(answer(no, "", false), answer(yes, isDanger ? "danger" : "primary", true));
    actions.lastChild.focus();
  });
}
