/**
 * Dialog of the requests: who wants to write, with what they wrote, to be accepted or declined.
 */
import { filesOf, lineOf } from "../../core/files.js";
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { entry, needStyles, problem } from "../parts/forms.js";

/** @param {object} shell */
export async function openRequests(shell) {
  const { app } = shell;
  const [answer] = await Promise.all([app.requests(), needStyles()]);
  const list = make("ul", "entries requests");
  const nothing = make("div", "about", laterTexts.shellRequestsNone);
  const trouble = problem();
  trouble.textContent = answer.ok ? "" : answer.message;
  const dialog = openDialog({
    title: laterTexts.shellRequestsTitle,
    className: "tall",
    content: [make("div", "about", laterTexts.shellRequestsText), trouble, nothing, list],
  });
  const respond = async (item, isAccepted) => {
    const answered = await app.answerRequest(item.room, isAccepted);
    trouble.textContent = answered.ok ? "" : answered.message;
    if (answered.ok) show();
    return answered.ok;
  };
  const accept = async (item) => {
    if (!(await respond(item, true))) return;
    dialog.close();
    shell.open(item.room);
  };
  const block = async (item) => {
    if (!(await respond(item, false))) return;
    app.block(item.with.id, true);
    shell.toast(laterTexts.shellBlockedDone(item.with.name));
  };
  const show = () => {
    const items = [...app.state.requests.values()].filter((item) => item !== null);
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...items.map((item) => requestOf(shell, item, { accept, decline: (one) => respond(one, false), block })));
    nothing.hidden = items.length > 0;
    if (hadFocus || items.length === 0) (list.querySelector("button") ?? dialog.element.querySelector("h2")).focus();
  };
  show();
}

function requestOf(shell, item, { accept, decline, block }) {
  const { id, name } = item.with;
  const line = !item.last ? laterTexts.shellNothingYet : item.last.deleted ? laterTexts.shellDeleted : lineOf({ text: item.last.text, files: filesOf(item.last.files) });
  const element = entry(item.with, name, "", () => shell.person(id, name));
  const text = make("div", "request-text", line);
  text.dir = "auto";
  const named = (control, label) => {
    control.setAttribute("aria-label", label(name));
    return control;
  };
  element.classList.add("request");
  element.append(text, make("div", "actions start",
    named(button("primary", laterTexts.shellAccept, () => accept(item)), laterTexts.shellAcceptOf),
    named(button("", laterTexts.shellDecline, () => decline(item)), laterTexts.shellDeclineOf),
    named(button("danger-text", laterTexts.shellDeclineBlock, () => block(item)), laterTexts.shellDeclineBlockOf)));
  return element;
}
