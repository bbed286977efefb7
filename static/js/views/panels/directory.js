/**
 * Dialog with the public rooms, the busiest first.
 */
import { pictureOf } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { titleOf } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make } from "../parts/dom.js";
import { entry, field, input, needStyles, problem } from "../parts/forms.js";
import { isTouchScreen } from "../parts/hands.js";

const PAUSE_MS = 150; // while one types

/** @param {object} shell @param {string} query what to look for first */
export async function openDirectory(shell, query = "") {
  await needStyles();
  const filter = input({ type: "search", value: query, autofocus: !isTouchScreen() });
  const list = make("ul", "entries");
  const trouble = problem();
  const nothing = make("div", "about", laterTexts.shellDirectoryNothing, " ");
  nothing.hidden = true;
  let asked = 0;
  let timer = null;
  const create = button("link-button", laterTexts.shellCreateIt, () => {
    dialog.close();
    shell.newRoom("public");
  });
  nothing.append(create);
  const rest = button("link-button", laterTexts.talkSearchMore, () => show(rest.value));
  const show = async (cursor) => {
    const number = (asked += 1);
    const answer = await shell.app.directory(filter.value.trim() || undefined, cursor);
    if (number !== asked) return; // something else was typed meanwhile
    trouble.textContent = answer.ok ? "" : answer.message;
    if (!answer.ok) return;
    if (!cursor) list.replaceChildren();
    list.append(...answer.rooms.map((room) => roomEntry(shell.app.state, room, () => {
      dialog.close();
      enter(shell, room);
    })));
    nothing.hidden = list.childElementCount > 0;
    rest.hidden = !answer.cursor;
    rest.value = answer.cursor ?? "";
  };
  rest.hidden = true;
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show(), PAUSE_MS);
  });
  const dialog = openDialog({
    title: laterTexts.shellDirectory,
    className: "tall",
    content: [field(laterTexts.shellDirectoryFilter, filter), trouble, nothing, list, rest],
    onClose: () => clearTimeout(timer),
  });
  await show();
}

async function enter(shell, { room, joined }) {
  await shell.open(room);
  if (!joined) shell.say(await shell.app.enter(room));
}

function roomEntry(state, { room, title, topic, members, joined, picture }, onPress) {
  const name = titleOf(state, { name: room, title });
  const about = [members ? laterTexts.shellMembers(members) : "", topic ?? ""].filter(Boolean).join(" · ");
  const sign = make("span", "entry-sign", joined ? laterTexts.shellOpen : texts.shellEnter);
  return entry({ id: room, name, picture: pictureOf(state, { name: room, picture }), isSeal: true }, name, about, onPress, [sign]);
}
