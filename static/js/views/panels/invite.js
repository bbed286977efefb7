/**
 * Dialog to invite: a link with its QR code, expiry and number of uses, and revoking all links. The link of a public
 * room needs no secret.
 */
import { laterTexts } from "../../core/later-texts.js";
import { copyText } from "../parts/clipboard.js";
import { confirm, openDialog } from "../parts/dialog.js";
import { button, icon, make } from "../parts/dom.js";
import { field, input, needStyles, problem, select } from "../parts/forms.js";
import { roomFragment, shareAddress } from "../parts/share.js";

const WEEK_S = "604800";
const FOR_EVER_OFTEN = "0";

/** @param {object} shell @param {string} name of the room */
export async function openInvite(shell, name) {
  const [{ qrCode }] = await Promise.all([import("../parts/qr.js"), needStyles()]);
  const { app } = shell;
  const isPublic = app.state.rooms.get(name)?.kind === "public";
  const address = input({ readOnly: true, dir: "ltr" });
  address.addEventListener("focus", () => address.select());
  const picture = make("div", "qr-box");
  const trouble = problem();
  const hereOnly = make("div", "about warning");
  const show = (fragment) => {
    const shared = shareAddress(app.state, fragment);
    address.value = shared.address;
    picture.replaceChildren(qrCode(shared.address));
    hereOnly.textContent = shared.isForOthers ? "" : laterTexts.shareHereOnly;
  };
  const buttons = make("div", "actions start", copyButton(shell, address), ...shareButton(address));
  const content = [make("div", "about", isPublic ? laterTexts.shellPublicLinkText : laterTexts.shellInviteText), hereOnly, picture,
    field(laterTexts.shellLink, address), buttons, trouble];
  if (!isPublic) content.push(...choices(shell, name, { show, trouble }));
  openDialog({ title: laterTexts.shellInvite, className: "invite", content });
  if (isPublic) show(roomFragment(name));
}

/** For how long and how often; each choice is a new link, the old ones go on to work. */
function choices(shell, name, { show, trouble }) {
  const expires = select(inOrder(laterTexts.shellExpiresOptions), WEEK_S);
  const uses = select(inOrder(laterTexts.shellUsesOptions), FOR_EVER_OFTEN);
  const count = make("span", "quiet");
  const make_ = async () => {
    const answer = await shell.app.invite(name, { expiresIn: Number(expires.value), uses: Number(uses.value) });
    trouble.textContent = answer.ok ? "" : answer.message;
    if (!answer.ok) return;
    show(`join=${answer.token}`);
    const { invites } = await shell.app.invites(name);
    count.textContent = invites ? laterTexts.shellLinks(invites.length) : "";
  };
  const reset = button("danger-text", laterTexts.shellReset, async () => {
    const isSure = await confirm({
      title: laterTexts.shellResetTitle, text: laterTexts.shellResetText, yes: laterTexts.shellReset, no: laterTexts.shellCancel, isDanger: true,
    });
    if (!isSure) return;
    const answer = await shell.app.uninvite(name);
    shell.say(answer);
    if (!answer.ok) return;
    shell.toast(laterTexts.shellResetDone);
    make_();
  });
  expires.addEventListener("change", make_);
  uses.addEventListener("change", make_);
  make_();
  return [
    make("div", "two", field(laterTexts.shellExpires, expires), field(laterTexts.shellUses, uses)),
    make("div", "line", count, reset),
  ];
}

const inOrder = (options) => Object.entries(options).sort(([a], [b]) => (Number(a) || Infinity) - (Number(b) || Infinity));

function copyButton(shell, address) {
  const element = button("primary", "", async () => {
    if (await copyText(address.value)) shell.toast(laterTexts.shellCopied);
    else address.select();
  });
  element.append(icon("copy"), make("span", "", laterTexts.shellCopyLink));
  return element;
}

/** Phones can hand it to another app. */
function shareButton(address) {
  if (!navigator.share) return [];
  const element = button("", "", () => navigator.share({ url: address.value }).catch(() => {}));
  element.append(icon("forward"), make("span", "", laterTexts.shellShare));
  return [element];
}
