/**
 * Dialog to start a direct room: all people known from shared rooms.
 */
import { fold } from "../../core/fold.js";
import { HOME } from "../../core/home.js";
import { texts } from "../../core/texts.js";
import { ago } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { make } from "../parts/dom.js";
import { entry, field, input, needStyles, problem } from "../parts/forms.js";

const MOST = 100;

export async function openNewDirect(shell) {
  await needStyles();
  const { app } = shell;
  const filter = input({ type: "search", autofocus: true });
  const list = make("ul", "entries");
  const nobody = make("div", "about", texts.shellNobody);
  const trouble = problem();
  const write = async (id) => {
    const answer = await app.direct(id);
    if (!answer.ok) {
      trouble.textContent = answer.message;
      return;
    }
    dialog.close();
    shell.open(answer.room);
  };
  const show = () => {
    const query = fold(filter.value.trim());
    const here = new Set([...app.state.rooms.values()].flatMap((room) => room.here?.ids ?? []));
    const found = [...app.state.people.values()]
      .map((one) => ({ ...one, here: Boolean(one.here) || here.has(one.id) }))
      .filter(({ id, name }) => id !== app.state.me?.id && fold(name).includes(query))
      .sort((a, b) => Number(b.here) - Number(a.here) || a.name.localeCompare(b.name));
    list.replaceChildren(...found.slice(0, MOST).map((one) => entry(one, one.name, seenText(one), () => write(one.id))));
    nobody.hidden = found.length > 0;
  };
  filter.addEventListener("input", show);
  filter.addEventListener("keydown", (event) => event.key === "Enter" && list.querySelector("button")?.click());
  const dialog = openDialog({
    title: texts.shellNewDirect,
    className: "tall",
    content: [make("div", "about", texts.shellDirectText), field(texts.shellFindPerson, filter), trouble, nobody, list],
  });
  show();
  const answer = await app.info(HOME); // everybody is a member of it
  if (answer.ok) show();
}

const seenText = ({ here, seen }) => (here ? texts.shellHere : seen ? texts.shellLastSeen(ago(Date.parse(seen))) : "");
