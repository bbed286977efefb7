/**
 * Form controls of dialogs and panels: labelled fields, choices, switches, error lines, and entries of lists to pick
 * from.
 */
import { laterTexts } from "../../core/later-texts.js";
import { updateAvatar } from "./avatar.js";
import { button, make } from "./dom.js";

let count = 0;
const newId = () => `field-${(count += 1)}`;

/** A label, its control, and a line of help below. */
export function field(label, control, { help = "", isOptional = false } = {}) {
  control.id ||= newId();
  const title = make("label", "field-label", label);
  title.htmlFor = control.id;
  if (isOptional) title.append(" ", make("span", "quiet", laterTexts.shellOptional));
  const box = make("div", "field", title, control);
  if (help) {
    const about = make("div", "about", help);
    about.id = `${control.id}-about`;
    control.setAttribute("aria-describedby", about.id);
    box.append(about);
  }
  return box;
}

/** @param {object} [options] properties of the input */
export function input(options = {}) {
  const element = make("input", "input");
  Object.assign(element, { type: "text", dir: "auto", autocomplete: "off", ...options });
  return element;
}

/** A choice of several in a line: `options` is value -> label. */
export function select(options, chosen) {
  const element = make("select", "input");
  for (const [value, label] of options) {
    const option = make("option", "", label);
    option.value = value;
    option.selected = value === chosen;
    element.append(option);
  }
  return element;
}

/** Radio buttons that look like a row of buttons. */
export function radios(label, options, chosen, onChoose, className = "radios") {
  const name = newId();
  const group = make("div", className);
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", label);
  for (const [value, text, extra = []] of options) {
    const radio = make("input");
    Object.assign(radio, { type: "radio", name, value, checked: value === chosen });
    radio.addEventListener("change", () => onChoose(value));
    group.append(make("label", "radio", radio, ...extra, make("span", "", text)));
  }
  return group;
}

/** On or off. */
export function toggle(label, isOn, onChange) {
  const box = make("input", "switch");
  Object.assign(box, { type: "checkbox", checked: isOn });
  box.setAttribute("role", "switch");
  box.addEventListener("change", () => onChange(box.checked, box));
  return make("label", "toggle", make("span", "", label), box);
}

/** A line for an error message. */
export function problem() {
  const element = make("div", "problem");
  element.setAttribute("role", "alert");
  return element;
}

/**
 * A form that is sent once at a time, and says why if that fails.
 * @param {Node[]} content @param {{label: string, onSubmit(): Promise<string|null>}} options the sentence to show, or null
 */
export function form(content, { label, onSubmit }) {
  const trouble = problem();
  const submit = make("button", "primary", label);
  submit.type = "submit";
  const element = make("form", "form", ...content, trouble, make("div", "actions", submit));
  element.noValidate = true;
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    trouble.textContent = "";
    trouble.textContent = (await onSubmit()) ?? "";
    submit.disabled = false;
  });
  return element;
}

/** An entry of a list to pick from: avatar, name, a small text below. */
export function entry(face, title, about, onPress, extra = []) {
  const avatar = make("span", face.isSeal ? "avatar seal" : "avatar");
  avatar.setAttribute("aria-hidden", "true");
  updateAvatar(avatar, face);
  avatar.classList.toggle("here", Boolean(face.here));
  const name = make("bdi", "entry-title", title);
  name.dir = "auto";
  const text = make("span", "entry-text", name);
  if (about) text.append(" ", make("span", "entry-about", about));
  const element = button("entry", "", onPress);
  element.append(avatar, text, ...extra);
  return make("li", "", element);
}

/** A style sheet that not every view needs, of dialogs and panels say; loaded once. @param {"dialogs"|"voice"|"album"|"attach"} name */
export function needStyles(name = "dialogs") {
  if (document.getElementById(`${name}-styles`)) return Promise.resolve();
  const link = document.createElement("link");
  link.id = `${name}-styles`;
  link.rel = "stylesheet";
  link.href = new URL(`../../../css/${name}.css`, import.meta.url).href;
  const loaded = new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve; // better plain than not at all
  });
  document.head.append(link);
  return loaded;
}
