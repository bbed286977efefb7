/**
 * Dialog to link another device to this person: a device code that works once, as a QR code and to type.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";
import { shareAddress } from "../parts/share.js";

const MINUTE_S = 60;

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
  openDialog({
    title: laterTexts.shellLinkDevice,
    className: "small",
    content: [make("div", "about", laterTexts.shellLinkHow), hereOnly, picture, code, about, trouble, again],
    onClose: () => clearTimeout(timer),
  });
  await show();
}
