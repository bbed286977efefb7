/**
 * Making elements: text nodes and createElement, never markup.
 */

/** @returns {HTMLElement} a new element; children may be strings, which become text */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** A real button with a text. */
export function button(className, text, onPress) {
  const element = make("button", className, text);
  element.type = "button";
  element.addEventListener("click", onPress);
  return element;
}

/** A button that shows an icon of icons.css and has its label for screen readers and as a tooltip. */
export function iconButton(name, label, onPress, className = "icon-button") {
  const element = button(className, "", onPress);
  element.append(icon(name));
  element.setAttribute("aria-label", label);
  element.title = label;
  return element;
}

/** An icon of icons.css; decoration. */
export function icon(name) {
  const element = make("span", "icon");
  element.dataset.icon = name;
  element.setAttribute("aria-hidden", "true");
  return element;
}

/**
 * What acts like a button inside a message. It is no `<button>`: the first one of the document is to send. It has no
 * text of its own either, so that the text of a message is what was written; the style sheet shows the label.
 */
export function pressable(className, label, onPress) {
  const element = make("span", className);
  element.setAttribute("role", "button");
  element.tabIndex = 0;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", onPress);
  onKeydown(element, (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onPress(event);
  });
  return element;
}

/**
 * Listen to keys: those that were for this page, and that nobody has taken yet. While an input method composes, its keys
 * choose and end the composition (229: what Safari says of the Enter that ends it).
 */
export function onKeydown(element, handle, options) {
  element.addEventListener("keydown", (event) => {
    if (!event.isComposing && event.keyCode !== 229 && !event.defaultPrevented) handle(event);
  }, options);
}

/** Whether an element reads from right to left. */
export const isRightToLeft = (element) => getComputedStyle(element).direction === "rtl";

/** Whether the screen is that of a phone; the style sheets draw the line at the same place. */
export const isPhone = () => matchMedia("(max-width: 40rem)").matches;
