/**
 * The menu of a message.
 */
import { openRoom } from "../../core/select.js";
import { texts } from "../../core/texts.js";
import { button, iconButton, isPhone, make } from "../parts/dom.js";
import { openMenu } from "../parts/menu.js";
import { selectText } from "../parts/swipe.js";
import { quickEmoji } from "./emoji-choice.js";

/** @param {object} shell @param {object} item @param {Element|{x: number, y: number}} at @param {object} does see actions.js */
export function open(shell, item, at, does) {
  const room = openRoom(shell.app.state);
  const element = document.querySelector(`#chat p[data-seq="${item.seq}"]`);
  element?.classList.add("chosen");
  if (!does.isLive(item)) {
    if (item.seq !== null) show(item, at, [entry(texts.talkDeleteForMe, "hide", () => does.forMe(item))], undefined, element);
    return;
  }
  const { isPinned } = item.message;
  const mayWrite = room.kind === "public" || room.isMember;
  const items = [
    mayWrite && entry(texts.talkReply, "reply", () => does.reply(item)),
    mayWrite && item.isOwn && entry(texts.edit, "edit", () => does.edit(item)),
    entry(texts.talkForward, "forward", () => does.forward(item)),
    entry(texts.talkCopyText, "copy", () => does.copyText(item)),
    isPhone() && element && entry(texts.talkSelect, "select", () => selectText(element.querySelector(".text"))),
    entry(texts.talkCopyLink, "link", () => does.copyLink(item)),
    null,
    mayWrite && entry(isPinned ? texts.talkUnpin : texts.talkPin, "pin", () => does.pin(item)),
    entry(item.isStarred ? texts.talkUnstar : texts.talkStar, "star", () => does.star(item)),
    !item.isOwn && entry(texts.talkMarkUnread, "unread", () => does.markUnread(item)),
    entry(texts.talkInfo, "info", () => does.info(item)),
    !item.isOwn && !isPhone() && entry(texts.talkAbout(item.name), "person", () => does.person(item)),
    null,
    { ...entry(texts.talkDelete, "trash", () => does.remove(item)), isDanger: true },
  ].filter((one) => one !== false && one !== undefined);
  show(item, at, items, mayWrite ? { does, at } : undefined, element);
}

const entry = (label, icon, onSelect) => ({ label, icon, onSelect });

function show(item, at, items, reacting, element) {
  const header = reacting && make("div", "quick");
  const menu = openMenu({ label: texts.talkMenu, items, anchor: at, header });
  const dialog = document.querySelector("dialog.menu-sheet[open]");
  dialog?.addEventListener("close", () => element?.classList.remove("chosen"));
  if (!header) return;
  const { does } = reacting;
  const mine = (emoji) => item.message.reactions.some((one) => one.emoji === emoji && element?.querySelector(`.reaction[data-emoji="${emoji}"][aria-pressed="true"]`));
  for (const emoji of quickEmoji()) {
    const quick = button("quick-emoji", emoji, () => {
      menu.close();
      does.react(item, emoji);
    });
    quick.setAttribute("aria-label", texts.talkReactWith(emoji));
    quick.setAttribute("aria-pressed", String(Boolean(mine(emoji))));
    header.append(quick);
  }
  header.append(iconButton("plus", texts.talkReact, () => {
    menu.close();
    does.pickReaction(item, at);
  }));
  header.setAttribute("role", "group");
  header.setAttribute("aria-label", texts.talkReact);
  header.addEventListener("keydown", (event) => {
    const buttons = [...header.children];
    const here = buttons.indexOf(document.activeElement);
    if (event.key === "ArrowDown") header.nextElementSibling.querySelector("[role^=menuitem]").focus();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const isForward = (event.key === "ArrowRight") === (getComputedStyle(header).direction !== "rtl");
      buttons.at((here + (isForward ? 1 : -1)) % buttons.length).focus();
    } else return;
    event.preventDefault();
  });
}
