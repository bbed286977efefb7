/**
 * Dialog to create a room. After a private one the invitation opens, as nobody else could come in.
 */
import { texts } from "../../core/texts.js";
import { openDialog } from "../parts/dialog.js";
import { field, form, input, needStyles } from "../parts/forms.js";

const LONGEST_ADDRESS = 32;

/** @param {object} shell @param {"private"|"public"} kind */
export async function openNewRoom(shell, kind) {
  await needStyles();
  const isPublic = kind === "public";
  const title = input({ maxLength: 60, placeholder: texts.shellRoomTitleHint, autofocus: true, autocapitalize: "words" });
  const topic = input({ maxLength: 200 });
  const address = input({ maxLength: LONGEST_ADDRESS, spellcheck: false, autocapitalize: "none", dir: "ltr" });
  let isOwnAddress = false;
  address.addEventListener("input", () => (isOwnAddress = true));
  title.addEventListener("input", () => {
    if (!isOwnAddress) address.value = addressFor(title.value);
  });
  const create = async () => {
    if (title.value.trim() === "") {
      title.focus();
      return texts.shellTitleMissing;
    }
    if (isPublic && address.value.trim() === "") {
      address.focus();
      return texts.shellAddressMissing;
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
  const fields = [field(texts.shellRoomTitle, title), field(texts.shellRoomTopic, topic, { isOptional: true })];
  if (isPublic) fields.splice(1, 0, field(texts.shellRoomAddress, address, { help: texts.shellRoomAddressHelp }));
  const about = document.createElement("div");
  about.className = "about";
  about.textContent = isPublic ? texts.shellNewPublicText : texts.shellNewPrivateText;
  const dialog = openDialog({
    title: isPublic ? texts.shellNewPublic : texts.shellNewPrivate,
    content: [about, form(fields, { label: texts.shellCreate, onSubmit: create })],
  });
}

/** "Café & Tea" is at "cafe-tea". */
function addressFor(title) {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, LONGEST_ADDRESS).replace(/^-+|-+$/g, "");
}
