/**
 * The menu of a message.
 */
import { albumTexts } from "../../core/album-texts.js";
import { kindOf } from "../../core/files.js";
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { isAllowed } from "../../core/permissions.js";
import { openRoom } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { canCopyPictures } from "../parts/copy-picture.js";
import { button, iconButton, isPhone, make, onKeydown } from "../parts/dom.js";
import { openMenu } from "../parts/menu.js";
import { selectText } from "../parts/touch.js";
import { quickEmoji } from "./emoji-choice.js";

/**
 * @param {object} shell @param {object} item @param {Element|{x: number, y: number}} at @param {object} does see actions.js
 * @returns {object|undefined} its dialog
 */
export function openMessageMenu(shell, item, at, does) {
  const room = openRoom(shell.app.state);
  const element = document.querySelector(`#chat p[data-seq="${item.seq}"]`);
  element?.classList.add("chosen");
  if (!does.isLive(item)) {
    if (item.seq !== null) show(item, at, [entry(laterTexts.talkDeleteForMe, "hide", () => does.forMe(item))], undefined, element);
    return undefined;
  }
  const { isPinned, files } = item.message;
  const mayWrite = room.kind === "public" || room.isMember;
  const items = [
    mayWrite && entry(laterTexts.talkReply, "reply", () => does.reply(item)),
    mayWrite && item.isOwn && entry(texts.edit, "edit", () => does.edit(item)),
    entry(laterTexts.talkForward, "forward", () => does.forward(item)),
    item.text !== "" && entry(laterTexts.talkCopyText, "copy", () => does.copyText(item)),
    files.length > 0 && entry(files.length > 1 ? albumTexts.saveAll(files.length) : albumTexts.saveShort, "save", () => does.saveFiles(item)),
    files.length === 1 && kindOf(files[0]) === "image" && canCopyPictures() && entry(albumTexts.copyPicture, "picture", () => does.copyPicture(item)),
    isPhone() && element && item.text !== "" && entry(laterTexts.talkSelect, "select", () => selectText(element.querySelector(".text"))),
    entry(laterTexts.talkCopyLink, "link", () => does.copyLink(item)),
    null,
    mayWrite && isAllowed(shell.app.state, room, "pinning") && entry(isPinned ? laterTexts.talkUnpin : laterTexts.talkPin, "pin", () => does.pin(item)),
    entry(item.isStarred ? laterTexts.talkUnstar : laterTexts.talkStar, "star", () => does.star(item)),
    !item.isOwn && entry(laterTexts.talkMarkUnread, "unread", () => does.markUnread(item)),
    entry(laterTexts.talkInfo, "info", () => does.info(item)),
    !item.isOwn && !isPhone() && entry(laterTexts.talkAbout(item.name), "person", () => does.person(item)),
    null,
    !item.isOwn && entry(modTexts.report, "flag", () => does.report(item)),
    does.mayModerate(item) && entry(modTexts.menu(item.name), "shield", () => does.moderate(item)),
    { ...entry(laterTexts.talkDelete, "trash", () => does.remove(item)), isDanger: true },
  ].filter((one) => one !== false && one !== undefined);
  return show(item, at, items, mayWrite ? { does, at } : undefined, element);
}

const entry = (label, icon, onSelect) => ({ label, icon, onSelect });

function show(item, at, items, reacting, element) {
  const header = reacting && make("div", "quick menu-head");
  const menu = openMenu({ label: laterTexts.talkMenu, items, anchor: at, header });
  const dialog = document.querySelector("dialog.menu-sheet[open]");
  dialog?.addEventListener("close", () => element?.classList.remove("chosen"));
  if (!header) return menu;
  const { does } = reacting;
  const mine = (emoji) => item.message.reactions.some((one) => one.emoji === emoji && element?.querySelector(`.reaction[data-emoji="${emoji}"][aria-pressed="true"]`));
  for (const emoji of quickEmoji()) {
    const quick = button("quick-emoji", emoji, () => {
      menu.close();
      does.react(item, emoji);
    });
    quick.setAttribute("aria-label", laterTexts.talkReactWith(emoji));
    quick.setAttribute("aria-pressed", String(Boolean(mine(emoji))));
    header.append(quick);
  }
  header.append(iconButton("plus", laterTexts.talkReact, () => {
    menu.close();
    does.pickReaction(item, at);
  }));
  header.setAttribute("role", "group");
  header.setAttribute("aria-label", laterTexts.talkReact);
  onKeydown(header, (event) => {
    const buttons = [...header.children];
    const here = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown") header.nextElementSibling.querySelector("[role^=menuitem]").focus();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const isForward = (event.key === "ArrowRight") === (getComputedStyle(header).direction !== "rtl");
      buttons.at((here + (isForward ? 1 : -1)) % buttons.length).focus();
    } else return;
    event.preventDefault();
  });
  return menu;
}
