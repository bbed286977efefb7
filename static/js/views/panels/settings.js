/**
 * Dialog of the settings: profile, alerts, theme, privacy, devices. Each takes effect at once; only the name waits for
 * Enter or the button.
 */
import { laterTexts } from "../../core/later-texts.js";
import { colourOf } from "../../core/people.js";
import { makeAvatar, updateAvatar } from "../parts/avatar.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { input, needStyles, problem, radios, toggle } from "../parts/forms.js";
import { isWanted, setTheme, setWanted, theme } from "../parts/preferences.js";
import { openDevices } from "./devices.js";
import { openLinkDevice } from "./link-device.js";
import { pictureButtons } from "./picture.js";
import { openUseDeviceCode } from "./use-device-code.js";

const COLOURS = 12;

/** @param {object} shell */
export async function openSettings(shell) {
  await needStyles();
  const dialog = openDialog({
    title: laterTexts.shellSettings,
    className: "settings",
    content: [
      profile(shell, () => dialog.close("named")),
      section(laterTexts.shellNews, toggles()),
      section(laterTexts.shellLook, [themes()]),
      section(laterTexts.shellPrivacy, [...insecure(), ...privacy(shell), make("div", "about", laterTexts.shellOperatorReads)]),
      section(laterTexts.shellDevices, devices(shell, () => dialog.close())),
    ],
    onClose: (how) => how === "named" && shell.talk?.focus?.(), // and one goes on writing
  });
  dialog.element.querySelector("#name").select();
}

function section(title, content) {
  return make("section", "", make("h3", "", title), ...content);
}

function profile(shell, onDone) {
  const { app } = shell;
  const trouble = problem();
  trouble.id = "name-problem";
  const say = (answer) => (trouble.textContent = answer.ok ? "" : answer.message);
  const avatar = makeAvatar(app.state.me, "huge");
  const changed = (answer) => {
    say(answer);
    updateAvatar(avatar, app.state.me);
    picture.show(Boolean(app.state.me.picture));
  };
  const picture = pictureButtons({ set: (chosen) => app.files.setPicture(null, chosen), onAnswer: changed });
  picture.show(Boolean(app.state.me.picture));

  const name = input({ id: "name", maxLength: 40, autocomplete: "nickname", spellcheck: false, value: app.state.me.name });
  name.setAttribute("aria-label", laterTexts.nameLabel);
  name.setAttribute("aria-describedby", "name-problem name-about");
  const save = make("button", "primary", laterTexts.shellSave);
  save.type = "submit";
  const nameForm = make("form", "joined", name, save);
  nameForm.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = name.value.trim();
    const answer = chosen === "" ? { ok: false, message: laterTexts.nameEmpty } : await app.rename(chosen);
    name.setAttribute("aria-invalid", String(!answer.ok));
    say(answer);
    if (answer.ok) onDone();
  });
  const about = make("div", "about", laterTexts.shellNameHelp);
  about.id = "name-about";

  const beenHere = app.state.me.hasChosenName ? [] : [button("link-button", laterTexts.shellBeenHereButton, () => {
    onDone();
    openUseDeviceCode(shell);
  })];

  const swatch = (index) => {
    const shown = make("span", "swatch");
    shown.dataset.colour = index;
    return shown;
  };
  const colours = Array.from({ length: COLOURS }, (_, index) => [index, laterTexts.shellColourNumber(index + 1), [swatch(index)]]);
  const current = app.state.me.colour ?? colourOf(app.state.me.id);
  const palette = radios(laterTexts.shellColour, colours, current, async (colour) => changed(await app.setProfile({ colour })), "swatches");

  return make("section", "profile",
    make("div", "profile-face", avatar, make("div", "actions start", ...picture.elements)),
    make("div", "profile-name", make("label", "field-label", laterTexts.nameLabel), nameForm, trouble, about, ...beenHere),
    palette);
}

function toggles() {
  const sound = toggle(laterTexts.shellSound, isWanted("sound"), async (on) => {
    setWanted("sound", on);
    if (on) (await import("../parts/notifications.js")).chime();
  });
  const why = whyNoNotifications();
  if (why) return [sound, make("div", "about", why)];
  const hint = problem();
  const notifications = toggle(laterTexts.shellNotify, isWanted("notifications") && Notification.permission === "granted", async (on, box) => {
    setWanted("notifications", on);
    hint.textContent = "";
    if (!on) return;
    if ((await Notification.requestPermission()) !== "granted") hint.textContent = laterTexts.shellNotifyDenied;
    if (hint.textContent === "") return;
    box.checked = false;
    setWanted("notifications", false);
  });
  return [sound, notifications, hint];
}

/** @returns {string} why there can be none here; "" where there can */
function whyNoNotifications() {
  if (!isSecureContext) return laterTexts.shellNotifyInsecure;
  return typeof Notification === "undefined" ? laterTexts.shellNotifyNever : "";
}

/** What somebody should know whose page came without TLS over a network. */
function insecure() {
  return isSecureContext ? [] : [make("div", "about insecure", laterTexts.shellInsecure)];
}

function themes() {
  return radios(laterTexts.shellLook, Object.entries(laterTexts.shellThemes), theme(), setTheme, "radios even");
}

function privacy(shell) {
  const { app } = shell;
  const hint = problem();
  const about = make("div", "about", laterTexts.shellPrivacyText);
  const controls = Object.entries(laterTexts.shellShows).map(([what, label]) => {
    const control = toggle(label, true, async (on, box) => {
      const answer = await app.setPrivacy({ [what]: on });
      hint.textContent = answer.ok ? "" : answer.message;
      if (!answer.ok) box.checked = !on;
    });
    const box = control.querySelector("input");
    box.name = what;
    box.disabled = true; // until it is known
    return control;
  });
  app.setPrivacy().then((answer) => {
    for (const control of controls) {
      const box = control.querySelector("input");
      box.disabled = !answer.ok;
      if (answer.ok) box.checked = answer[box.name];
    }
    hint.textContent = answer.ok ? "" : answer.message;
  });
  return [...controls, about, hint];
}

function devices(shell, close) {
  const link = button("", "", () => {
    close();
    openLinkDevice(shell);
  });
  link.append(icon("qr"), make("span", "", laterTexts.shellLinkDevice));
  const use = button("", laterTexts.shellUseCode, () => {
    close();
    openUseDeviceCode(shell);
  });
  const manage = button("", laterTexts.devicesManage, () => {
    close();
    openDevices(shell);
  });
  const warning = make("div", "about warning", shell.app.state.hasRecovery ? "" : laterTexts.recoveryNone);
  return [make("div", "about", laterTexts.shellLinkDeviceText), make("div", "actions start", link, use, manage), warning];
}
