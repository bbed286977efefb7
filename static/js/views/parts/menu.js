/**
 * Menu: beside what opened it on a desktop, a sheet of actions on a phone.
 *
 * @typedef {{label: string, icon?: string, isDanger?: boolean, isChecked?: boolean, isDisabled?: boolean,
 *   onSelect(): void}} Item `isChecked` makes it one of several to choose from
 */
import { openDialog } from "./dialog.js";
import { icon, make, onKeydown } from "./dom.js";

/**
 * @param {object} options
 * @param {string} options.label what the menu is for
 * @param {Array<Item|null>} options.items null: a line between groups
 * @param {Element|{x: number, y: number}} [options.anchor]
 * @param {HTMLElement} [options.header] what stands above the items: a row of reactions, say
 * @returns {{element: HTMLDialogElement, close(): void}}
 */
export function openMenu({ label, items, anchor, header }) {
  const menu = make("div", "menu");
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", label);
  const dialog = openDialog({
    title: label,
    content: header ? [header, menu] : [menu],
    className: "menu-sheet",
    isBare: true,
    anchor,
    onClose: (item) => item?.onSelect(),
  });
  menu.append(...items.map((item) => (item ? entry(item, () => dialog.close(item)) : line())));
  dialog.place(); // with its entries it is higher; not at the next frame only
  onKeydown(menu, (event) => onKey(event, menu, () => dialog.close()));
  entriesOf(menu)[0]?.focus({ preventScroll: true, focusVisible: false });
  return dialog;
}

function entry(item, onPress) {
  const element = make("button", item.isDanger ? "danger" : "", icon(item.icon ?? "none"), make("span", "", item.label));
  element.type = "button";
  element.tabIndex = -1;
  element.setAttribute("role", item.isChecked === undefined ? "menuitem" : "menuitemradio");
  if (item.isChecked !== undefined) element.setAttribute("aria-checked", String(item.isChecked));
  if (item.isDisabled) element.setAttribute("aria-disabled", "true");
  element.addEventListener("click", () => item.isDisabled || onPress());
  return element;
}

function line() {
  const element = make("div", "menu-line");
  element.setAttribute("role", "separator");
  return element;
}

const entriesOf = (menu) => [...menu.querySelectorAll("[role^=menuitem]")];

/** Arrows go around, Home and End to the ends, a letter to the next entry that begins with it, Tab closes. */
function onKey(event, menu, onClose) {
  const entries = entriesOf(menu);
  const here = entries.indexOf(document.activeElement);
  const count = entries.length;
  const moves = { ArrowDown: here + 1, ArrowUp: here - 1 + count, Home: 0, End: count - 1 };
  let next = moves[event.key];
  if (event.key === "Tab") onClose();
  else if (next === undefined && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
    const letter = event.key.toLowerCase();
    next = [...entries.keys()].map((step) => here + 1 + step).find((index) => beginsWith(entries[index % count], letter));
  }
  if (event.key !== "Tab" && next === undefined) return;
  event.preventDefault();
  if (next !== undefined) entries[next % count].focus();
}

const beginsWith = (element, letter) => element.textContent.trim().toLowerCase().startsWith(letter);
