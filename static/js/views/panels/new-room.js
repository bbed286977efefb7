/**
 * Dialog to create a room. After a private one the invitation opens, as nobody else could come in.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { field, form, input, needStyles } from "../parts/forms.js";

const LONGEST_ADDRESS = 32;

/** @param {object} shell @param {"private"|"public"} kind @param {{title?: string, address?: string}} given what it is to be called */
export async function openNewRoom(shell, kind, given = {}) {
  await needStyles();
  const isPublic = kind === "public";
  const title = input({ maxLength: 60, placeholder: laterTexts.shellRoomTitleHint, autofocus: true, autocapitalize: "words", value: given.title ?? "" });
  const topic = input({ maxLength: 200 });
  const address = input({ maxLength: LONGEST_ADDRESS, spellcheck: false, autocapitalize: "none", dir: "ltr", value: given.address ?? addressFor(given.title ?? "") });
  let isOwnAddress = given.address !== undefined;
  address.addEventListener("input", () => (isOwnAddress = true));
  title.addEventListener("input", () => {
    if (!isOwnAddress) address.value = addressFor(title.value);
  });
  const create = async () => {
    if (title.value.trim() === "") {
      title.focus();
      return laterTexts.shellTitleMissing;
    }
    if (isPublic && address.value.trim() === "") {
      address.focus();
      return laterTexts.shellAddressMissing;
    }
    const answer = await shell.app.createRoom({
      kind,
      name: isPublic ? address.value.trim() : undefined,
      title: title.value.trim(),
      topic: topic.value.trim() || undefined,
    });
    if (!answer.ok) return answer.message;
    dialog.close();
    await shell.open(answer.room);
    if (!isPublic) shell.invite(answer.room);
    return null;
  };
  const fields = [field(laterTexts.shellRoomTitle, title), field(laterTexts.shellRoomTopic, topic, { isOptional: true })];
  if (isPublic) fields.splice(1, 0, field(laterTexts.shellRoomAddress, address, { help: laterTexts.shellRoomAddressHelp }));
  const about = document.createElement("div");
  about.className = "about";
  about.textContent = isPublic ? laterTexts.shellNewPublicText : laterTexts.shellNewPrivateText;
  const dialog = openDialog({
    title: isPublic ? laterTexts.shellNewPublic : laterTexts.shellNewPrivate,
    content: [about, form(fields, { label: laterTexts.shellCreate, onSubmit: create })],
  });
}

/** "Café & Tea" is at "cafe-tea". */
function addressFor(title) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, LONGEST_ADDRESS).replace(/^-+|-+$/g, "");
}
