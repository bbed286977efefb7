/**
 * Editable text: shown as text, and as a field while it is edited. Enter saves, Escape cancels.
 */
import { laterTexts } from "../../core/later-texts.js";
import { iconButton, make, onKeydown } from "./dom.js";
import { input, problem } from "./forms.js";

/**
 * @param {{tag: string, label: string, maxLength: number, empty?: string, onSave(text: string): Promise<object>}} options
 * @returns {{element: HTMLElement, show(text: string, mayEdit: boolean, isHiddenWhenEmpty?: boolean): void}}
 */
export function makeEditable({ tag, label, maxLength, empty = "", onSave }) {
  const shown = make(tag, "editable-text");
  shown.dir = "auto";
  const edit = iconButton("edit", label, () => open(true));
  const line = make("div", "editable-line", shown, edit);
  const control = input({ maxLength });
  control.setAttribute("aria-label", label);
  const save = make("button", "primary", laterTexts.shellSave);
  save.type = "submit";
  const trouble = problem();
  const form = make("form", "joined", control, save, trouble);
  form.hidden = true;
  let text = "";
  const open = (isOpen) => {
    const hasFocus = form.contains(document.activeElement); // who has gone on while it was saved stays there
    form.hidden = !isOpen;
    line.hidden = isOpen;
    trouble.textContent = "";
    if (!isOpen) {
      if (hasFocus) edit.focus();
      return;
    }
    control.value = text;
    control.select();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await onSave(control.value.trim());
    if (answer.ok) open(false);
    else trouble.textContent = answer.message;
  });
  onKeydown(form, (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    open(false);
  });
  return {
    element: make("div", "editable", line, form),
    show(now, mayEdit, isHiddenWhenEmpty = false) {
      text = now;
      shown.textContent = now || empty;
      shown.classList.toggle("quiet", !now);
      edit.hidden = !mayEdit;
      line.parentElement.hidden = !now && isHiddenWhenEmpty;
    },
  };
}
