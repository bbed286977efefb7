/**
 * Dialog to choose a person among all that are known from shared rooms.
 */
import { fold } from "../../core/fold.js";
import { HOME } from "../../core/home.js";
import { laterTexts } from "../../core/later-texts.js";
import { ago } from "../../core/time.js";
import { openDialog } from "../parts/dialog.js";
import { make, onKeydown } from "../parts/dom.js";
import { entry, field, input, needStyles, problem } from "../parts/forms.js";
import { isTouchScreen } from "../parts/hands.js";

const MOST = 100;

/**
 * @param {object} shell
 * @param {{title: string, text: string, onChoose(id: string): Promise<string|null>}} options onChoose: the sentence to
 *   show, or null: then the dialog closes
 */
export async function pickPerson(shell, { title, text, onChoose }) {
  await needStyles();
  const { app } = shell;
  const filter = input({ type: "search", autofocus: !isTouchScreen() });
  const list = make("ul", "entries");
  const nobody = make("div", "about", laterTexts.shellNobody);
  const trouble = problem();
  const choose = async (id) => {
    const complaint = await onChoose(id);
    if (complaint === null) dialog.close();
    else trouble.textContent = complaint;
  };
  const show = () => {
    const query = fold(filter.value.trim());
    const here = new Set([...app.state.rooms.values()].flatMap((room) => room.here?.ids ?? []));
    const found = [...app.state.people.values()]
      .map((one) => ({ ...one, here: Boolean(one.here) || here.has(one.id) }))
      .filter(({ id, name }) => id !== app.state.me?.id && fold(name).includes(query))
      .sort((a, b) => Number(b.here) - Number(a.here) || a.name.localeCompare(b.name));
    list.replaceChildren(...found.slice(0, MOST).map((one) => entry(one, one.name, seenText(one), () => choose(one.id))));
    nobody.hidden = found.length > 0;
  };
  filter.addEventListener("input", show);
  onKeydown(filter, (event) => event.key === "Enter" && list.querySelector("button")?.click());
  const dialog = openDialog({
    title,
    className: "tall",
    content: [make("div", "about", text), field(laterTexts.shellFindPerson, filter), trouble, nobody, list],
  });
  show();
  const answer = await app.info(HOME); // everybody is a member of it
  if (answer.ok) show();
}

const seenText = ({ here, seen }) => (here ? laterTexts.shellHere : seen ? laterTexts.shellLastSeen(ago(Date.parse(seen))) : "");
