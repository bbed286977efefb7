/**
 * The menu of a row of the room list: pinning it, what it tells of itself, marking it as read or unread, leaving it.
 */
import { unreadOf } from "../../core/around.js";
import { HOME } from "../../core/home.js";
import { laterTexts } from "../../core/later-texts.js";
import { isPinnedRoom, levelOf, titleOf } from "../../core/select.js";
import { SERVER } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { openMenu } from "../parts/menu.js";

/** @param {object} shell @param {string} name of the room @param {Element|{x: number, y: number}} at */
export function openRoomMenu(shell, name, at) {
  const { app } = shell;
  const room = app.state.rooms.get(name);
  const isLoud = levelOf(app.state, name, Date.now()) === "all";
  const { count, isMarkedUnread } = unreadOf(room, app.state);
  const isPinned = isPinnedRoom(app.state, name);
  const isUnread = count > 0 || isMarkedUnread;
  const last = room.lastMessage?.seq;
  const entry = (label, icon, onSelect) => ({ label, icon, onSelect });
  openMenu({
    label: laterTexts.shellRoomMenu(titleOf(app.state, room)),
    anchor: at,
    items: [
      name !== SERVER && entry(isPinned ? laterTexts.shellUnpin : laterTexts.shellPin, "pin", () => app.pinRoom(name, !isPinned)),
      isLoud
        ? entry(laterTexts.shellMute, "bell-off", () => app.setLevel(name, "none"))
        : entry(laterTexts.shellUnmute, "bell", () => app.setLevel(name, "all")),
      isUnread && entry(laterTexts.shellUnmarkUnread, "check", () => {
        app.markRead(name);
        if (isMarkedUnread) app.markUnread(name, null);
      }),
      !isUnread && last !== undefined && name !== app.state.open
        && entry(laterTexts.shellMarkUnread, "unread", () => app.markUnread(name, last)),
      room.with && entry(laterTexts.shellPerson, "person", () => shell.person(room.with)),
      entry(texts.shellInfo, "info", async () => {
        await shell.open(name);
        shell.showInfo();
      }),
      ...(name === HOME || name === SERVER ? [] : [
        null,
        { ...entry(room.kind === "direct" ? laterTexts.shellLeaveDirect : laterTexts.shellLeave, "leave", () => shell.leave(name)), isDanger: true },
      ]),
    ].filter((one) => one === null || Boolean(one)),
  });
}
