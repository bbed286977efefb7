/** Touch the text only if it is another one: or what reads it out, or has it selected, would begin again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
