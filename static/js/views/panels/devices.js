/**
 * Dialog of one's devices: which are logged in, logging them out, the recovery code, and who else one was here.
 */
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
    title: texts.shellDevices,
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
    others.replaceChildren(...(devices.length > 1 ? [button("danger-text", texts.devicesLogOutOthers, logOutOthers)] : []));
    if (!recovery.hasChildNodes()) showRecovery(shell, recovery, answer.recoveryAt);
  };
  const logOut = async (device) => {
    const title = device.this ? texts.devicesLogOutThisTitle : texts.devicesLogOutTitle(deviceName(device));
    const text = device.this ? texts.devicesLogOutThisText(shell.app.state.hasRecovery) : texts.devicesLogOutText;
    if (!(await confirm({ title, text, yes: texts.devicesLogOut, no: texts.shellCancel, isDanger: true }))) return;
    const answer = await shell.app.logOut(device.id);
    if (device.this && answer.ok) dialog.close();
    else await finish(answer);
  };
  const logOutOthers = async () => {
    const question = { title: texts.devicesLogOutOthersTitle, text: texts.devicesLogOutText, yes: texts.devicesLogOut, no: texts.shellCancel };
    if (await confirm({ ...question, isDanger: true })) await finish(await shell.app.logOut(null));
  };
  const finish = async (answer) => {
    if (answer.ok) await show();
    else say(answer);
  };
  await show();
}

const deviceName = ({ name }) => name || texts.devicesUnnamed;

function deviceEntry(device, onLogOut) {
  const used = device.used ? texts.devicesUsed(ago(Date.parse(device.used))) : texts.devicesUsedUnknown;
  const about = device.this ? texts.devicesThis : device.here ? texts.devicesHere : used;
  const name = make("bdi", "entry-title", deviceName(device));
  const text = make("span", "entry-text", name, " ", make("span", "entry-about", about));
  const out = button("danger-text", texts.devicesLogOut, onLogOut);
  out.setAttribute("aria-label", `${texts.devicesLogOut}: ${deviceName(device)}`);
  return make("li", "line device", text, out);
}

/** The recovery code: a warning if there is none, and a new one, shown this once. */
function showRecovery(shell, section, madeAt) {
  const about = make("div", madeAt ? "about" : "about warning", madeAt ? texts.recoveryMade(ago(Date.parse(madeAt))) : texts.recoveryNone);
  const trouble = problem();
  const makeCode = button("primary", madeAt ? texts.recoveryAnew : texts.recoveryMake, async () => {
    const question = { title: texts.recoveryAnewTitle, text: texts.recoveryAnewText, yes: texts.recoveryAnew, no: texts.shellCancel };
    if (madeAt && !(await confirm(question))) return;
    const answer = await shell.app.makeRecoveryCode();
    trouble.textContent = answer.ok ? "" : answer.message;
    if (answer.ok) section.replaceChildren(make("h3", "", texts.recovery), ...codeShown(shell, answer.code));
  });
  section.replaceChildren(make("h3", "", texts.recovery), about, make("div", "actions start", makeCode), trouble);
}

function codeShown(shell, code) {
  const shown = make("output", "code recovery-code", code);
  const copy = button("primary", texts.copy, async () => {
    if (await copyText(code)) shell.toast(texts.shellCopied);
  });
  const print = button("", texts.recoveryPrint, () => window.print());
  return [make("div", "about", texts.recoveryKeep(shell.app.state.me.name)), shown, make("div", "actions start", copy, print)];
}

/** Who else one was here, and can be again. */
function otherPeople(shell, close) {
  const keys = shell.app.otherKeys;
  if (keys.length === 0) return [];
  const entries = keys.map((key) => {
    const entry = make("li", "line device", makeAvatar(key), make("bdi", "entry-text", key.name));
    const back = button("", texts.goBack, async () => {
      close();
      const answer = await shell.app.goBack(key);
      if (answer.ok) shell.toast(texts.shellLinked(answer.user.name));
      else shell.say(answer);
    });
    back.setAttribute("aria-label", texts.goBackTo(key.name));
    const forget = button("danger-text", texts.forgetKey, async () => {
      const question = { title: texts.forgetKeyTitle(key.name), text: texts.forgetKeyText, yes: texts.forgetKey, no: texts.shellCancel };
      if (!(await confirm({ ...question, isDanger: true }))) return;
      shell.app.forgetKey(key);
      entry.remove();
    });
    forget.setAttribute("aria-label", `${texts.forgetKey}: ${key.name}`);
    entry.append(make("span", "actions", back, forget));
    return entry;
  });
  return [make("section", "", make("h3", "", texts.otherPeople), make("ul", "entries", ...entries))];
}
