/**
 * Dialog to link another device to this person: a device code that works once, as a QR code and to type.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";
import { shareAddress } from "../parts/share.js";

const MINUTE_S = 60;
const LOOK_MS = 2_500; // how often to look whether the code was used

/** @param {object} shell */
export async function openLinkDevice(shell) {
  const [{ qrCode }] = await Promise.all([import("../parts/qr.js"), needStyles()]);
  const picture = make("div", "qr-box");
  const code = make("output", "code");
  const about = make("div", "about");
  const hereOnly = make("div", "about warning");
  const trouble = problem();
  const again = button("", laterTexts.shellLinkAgain, () => show());
  again.hidden = true;
  let timer = null;
  let looking = null;
  const show = async () => {
    const answer = await shell.app.linkDevice();
    trouble.textContent = answer.ok ? "" : answer.message;
    again.hidden = answer.ok;
    if (!answer.ok) return;
    const { address, isForOthers } = shareAddress(shell.app.state, `link=${answer.code}`);
    picture.replaceChildren(qrCode(address));
    hereOnly.textContent = isForOthers ? "" : laterTexts.shareHereOnly;
    code.textContent = answer.code;
    about.textContent = laterTexts.shellLinkExpires(Math.max(1, Math.round(answer.expiresIn / MINUTE_S)));
    timer = setTimeout(() => {
      picture.replaceChildren();
      code.textContent = "";
      about.textContent = laterTexts.shellLinkOver;
      again.hidden = false;
    }, answer.expiresIn * 1000);
  };
  const dialog = openDialog({
    title: laterTexts.shellLinkDevice,
    className: "small",
    content: [make("div", "about", laterTexts.shellLinkHow), hereOnly, picture, code, about, trouble, again],
    onClose: () => {
      clearTimeout(timer);
      clearInterval(looking);
    },
  });
  const [before] = await Promise.all([devicesOf(shell), show()]);
  if (!dialog.element.isConnected) return;
  looking = setInterval(async () => {
    const linked = before && (await devicesOf(shell))?.find(({ id }) => !before.some((known) => known.id === id));
    if (!linked || !dialog.element.isConnected) return;
    clearTimeout(timer);
    clearInterval(looking);
    dialog.element.querySelector(".dialog-body").replaceChildren(...linkedParts(shell, linked, () => dialog.close()));
  }, LOOK_MS);
}

/** The devices of this person; null: unknown. */
async function devicesOf(shell) {
  const answer = await shell.app.devices();
  return answer.ok ? answer.devices : null;
}

/** What is said when another device has used the code. */
function linkedParts(shell, device, close) {
  const said = make("div", "about", laterTexts.shellLinkDone(device.name || laterTexts.devicesUnnamed, shell.app.state.me.name));
  said.setAttribute("role", "status");
  const done = button("primary", laterTexts.close, close);
  return [make("div", "card", icon("check")), make("h3", "linked-title", laterTexts.shellLinkedTitle), said, make("div", "actions", done)];
}
