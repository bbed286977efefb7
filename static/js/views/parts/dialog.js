/**
 * Dialogs: in the middle or beside what opened them on a desktop, a sheet from below on a phone. Escape, the back
 * gesture, the button and a press beside it close it, and the focus goes back to where it was.
 */
import { laterTexts } from "../../core/later-texts.js";
import { keepBeside } from "./beside.js";
import { iconButton, make } from "./dom.js";

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
  const opener = document.activeElement;
  const body = make("div", "dialog-body", ...content);
  const element = make("dialog", `sheet ${className}`, body);
  element.setAttribute("aria-label", title);
  if (!isBare) {
    const head = heading(title, () => close());
    // Without a field to write in, reading begins at the heading, not at the way out.
    head.firstChild.autofocus = !body.querySelector("[autofocus]");
    element.prepend(head);
  }
  let isOpen = true;
  const close = (result) => {
    if (!isOpen) return;
    isOpen = false;
    beside?.stop();
    // Who closed it by a key may have gone on already, to write say: their focus stays where it is.
    const focused = document.activeElement;
    const isFree = !focused || focused === document.body || element.contains(focused);
    element.close();
    element.remove();
    if (isFree && opener?.isConnected) opener.focus({ preventScroll: true });
    onClose(result);
  };
  closeOnBackdrop(element, close);
  // The browser closes it on Escape and the back gesture. What is chosen does not wait for its event, which comes later:
  // keys pressed meanwhile would go astray.
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
  element.addEventListener("pointerdown", (event) => (began = event.target === element));
  element.addEventListener("click", (event) => {
    if (began && event.target === element) close();
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
