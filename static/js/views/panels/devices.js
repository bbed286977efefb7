/**
 * Dialog of one's devices: which are logged in, logging them out, the recovery code, and who else one was here.
 */
import { laterTexts } from "../../core/later-texts.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { makeAvatar } from "../parts/avatar.js";
import { copyText } from "../parts/clipboard.js";
import { confirm, openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { needStyles, problem } from "../parts/forms.js";

/** @param {object} shell */
export async function openDevices(shell) {
  await needStyles();
  const list = make("ul", "entries");
  const others = make("div", "actions start");
  const trouble = problem();
  const recovery = make("section");
  const dialog = openDialog({
    title: laterTexts.shellDevices,
    className: "settings devices",
    content: [make("section", "", list, others, trouble), recovery, ...otherPeople(shell, () => dialog.close())],
  });
  const say = (answer) => (trouble.textContent = answer.ok ? "" : answer.message);
  const show = async () => {
    const answer = await shell.app.devices();
    say(answer);
    if (!answer.ok) return;
    const devices = Array.from(answer.devices).sort((a, b) => Number(b.this ?? false) - Number(a.this ?? false));
    list.replaceChildren(...devices.map((device) => deviceEntry(device, () => logOut(device))));
    others.replaceChildren(...(devices.length > 1 ? [button("danger-text", laterTexts.devicesLogOutOthers, logOutOthers)] : []));
    if (!recovery.hasChildNodes()) showRecovery(shell, recovery, answer.recoveryAt);
  };
  const logOut = async (device) => {
    const title = device.this ? laterTexts.devicesLogOutThisTitle : laterTexts.devicesLogOutTitle(deviceName(device));
    const text = device.this ? laterTexts.devicesLogOutThisText(shell.app.state.hasRecovery) : laterTexts.devicesLogOutText;
    if (!(await confirm({ title, text, yes: laterTexts.devicesLogOut, no: laterTexts.shellCancel, isDanger: true }))) return;
    const answer = await shell.app.logOut(device.id);
    if (device.this && answer.ok) dialog.close();
    else await finish(answer);
  };
  const logOutOthers = async () => {
    const question = { title: laterTexts.devicesLogOutOthersTitle, text: laterTexts.devicesLogOutText, yes: laterTexts.devicesLogOut, no: laterTexts.shellCancel };
    if (await confirm({ ...question, isDanger: true })) await finish(await shell.app.logOut(null));
  };
  const finish = async (answer) => {
    if (answer.ok) await show();
    else say(answer);
  };
  await show();
}

const deviceName = ({ name }) => name || laterTexts.devicesUnnamed;

function deviceEntry(device, onLogOut) {
  const used = device.used ? laterTexts.devicesUsed(ago(Date.parse(device.used))) : laterTexts.devicesUsedUnknown;
  const about = device.this ? laterTexts.devicesThis : device.here ? laterTexts.devicesHere : used;
  const name = make("bdi", "entry-title", deviceName(device));
  const text = make("span", "entry-text", name, " ", make("span", "entry-about", about));
  const out = button("danger-text", laterTexts.devicesLogOut, onLogOut);
  out.setAttribute("aria-label", `${laterTexts.devicesLogOut}: ${deviceName(device)}`);
  return make("li", "line device", text, out);
}

/** The recovery code: a warning if there is none, and a new one, shown this once. */
function showRecovery(shell, section, madeAt) {
  const about = make("div", madeAt ? "about" : "about warning", madeAt ? laterTexts.recoveryMade(ago(Date.parse(madeAt))) : laterTexts.recoveryNone);
  const trouble = problem();
  const makeCode = button("primary", madeAt ? laterTexts.recoveryAnew : laterTexts.recoveryMake, async () => {
    const question = { title: laterTexts.recoveryAnewTitle, text: laterTexts.recoveryAnewText, yes: laterTexts.recoveryAnew, no: laterTexts.shellCancel };
    if (madeAt && !(await confirm(question))) return;
    const answer = await shell.app.makeRecoveryCode();
    trouble.textContent = answer.ok ? "" : answer.message;
    if (answer.ok) section.replaceChildren(make("h3", "", laterTexts.recovery), ...codeShown(shell, answer.code));
  });
  section.replaceChildren(make("h3", "", laterTexts.recovery), about, make("div", "actions start", makeCode), trouble);
}

function codeShown(shell, code) {
  const shown = make("output", "code recovery-code", code);
  const copy = button("primary", texts.copy, async () => {
    if (await copyText(code)) shell.toast(laterTexts.shellCopied);
  });
  const print = button("", laterTexts.recoveryPrint, () => window.print());
  return [make("div", "about", laterTexts.recoveryKeep(shell.app.state.me.name)), shown, make("div", "actions start", copy, print)];
}

/** Who else one was here, and can be again. */
function otherPeople(shell, close) {
  const keys = shell.app.otherKeys;
  if (keys.length === 0) return [];
  const entries = keys.map((key) => {
    const entry = make("li", "line device", makeAvatar(key), make("bdi", "entry-text", key.name));
    const back = button("", laterTexts.goBack, async () => {
      close();
      const answer = await shell.app.goBack(key);
      if (answer.ok) shell.toast(laterTexts.shellLinked(answer.user.name));
      else shell.say(answer);
    });
    back.setAttribute("aria-label", laterTexts.goBackTo(key.name));
    const forget = button("danger-text", laterTexts.forgetKey, async () => {
      const question = { title: laterTexts.forgetKeyTitle(key.name), text: laterTexts.forgetKeyText, yes: laterTexts.forgetKey, no: laterTexts.shellCancel };
      if (!(await confirm({ ...question, isDanger: true }))) return;
      shell.app.forgetKey(key);
      entry.remove();
    });
    forget.setAttribute("aria-label", `${laterTexts.forgetKey}: ${key.name}`);
    entry.append(make("span", "actions", back, forget));
    return entry;
  });
  return [make("section", "", make("h3", "", laterTexts.otherPeople), make("ul", "entries", ...entries))];
}
