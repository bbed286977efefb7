/**
 * Actions on a message, wherever they are asked for: toolbar, menu, key or gesture.
 */
import { albumTexts } from "../../core/album-texts.js";
import { addressOf, downloadOf } from "../../core/file-facts.js";
import { laterTexts } from "../../core/later-texts.js";
import { person, openRoom } from "../../core/select.js";
import { mayDelete, mayMute } from "../../core/permissions.js";
import { SERVER } from "../../core/standing.js";
import { texts } from "../../core/texts.js";
import { copyText } from "../parts/clipboard.js";
import { copyPicture } from "../parts/copy-picture.js";
import { followMessage } from "../parts/follow-message.js";
import { saveFile } from "../parts/save-file.js";
import { roomFragment, shareAddress } from "../parts/share.js";

/**
 * Each is told the item that a menu was opened for, say, and acts on its message as it stands now.
 * @param {object} shell
 * @param {{composer: import("./composer.js").Composer, log: import("./log.js").ChatLog}} views
 */
export function makeActions(shell, { composer, log }) {
  const { app } = shell;
  const roomOf = (item) => app.state.rooms.get(item.room) ?? openRoom(app.state);
  const now = (item) => (item.seq === null || item.room !== app.state.open ? null : log.itemAt(item.seq)) ?? item;
  const tell = async (answer, text) => ((await answer).ok ? shell.toast(text) : undefined); // what is refused the shell tells
  const copy = async (text, done = texts.copied) => shell.toast((await copyText(text)) ? done : laterTexts.talkCopyFailed);
  const copyLink = ({ room, seq }) => {
    const { address, isForOthers } = shareAddress(app.state, roomFragment(room, seq));
    return copy(address, isForOthers ? texts.copied : laterTexts.shareCopiedHereOnly);
  };
  const withItem = (load, open) => async (item, at) => followMessage(shell, await (await load())[open](shell, item, at, actions), item);
  const withPanel = (open) => withItem(() => import("../panels/panels.js"), open);
  const actions = {
    /** Whether it is in the log and still a message. */
    isLive: (item) => item.seq !== null && !item.message.isDeleted,
    mayDelete: (item) => mayDelete(app.state, roomOf(item), item.from),
    /** Whether this person may mute the author, here or everywhere. */
    mayModerate: (item) => !item.isOwn && [roomOf(item), app.state.rooms.get(SERVER)].some((one) => one && mayMute(app.state, one, item.from)),
    report: (item) => shell.report({ room: item.room, seq: item.seq, name: item.name }),
    moderate: (item) => shell.moderate(item.from, item.name),
    reply: (item) => composer.reply(item),
    edit: (item) => composer.edit(item),
    react: (item, emoji, on = !hasReacted(item, emoji)) => app.react(item.room, item.seq, emoji, on),
    pickReaction: (item, at) => import("./emoji-choice.js").then(({ chooseEmoji }) => chooseEmoji(at, (emoji) => actions.react(item, emoji, true))),
    copyText: (item) => copy(item.text),
    copyLink,
    saveFiles: (item) => item.message.files.forEach((file) => saveFile(downloadOf(item, file), file.name)),
    copyPicture: async (item) => {
      const isCopied = await copyPicture(addressOf(item, item.message.files[0]));
      shell.toast(isCopied ? albumTexts.copied : albumTexts.notCopied, { isBad: !isCopied });
    },
    pin: (item) => app.pin(item.room, item.seq, !item.message.isPinned),
    star: (item) => app.star(item.room, item.seq, !item.isStarred),
    markUnread: (item) => tell(app.markUnread(item.room, item.seq), laterTexts.talkMarkedUnread),
    forMe: ({ room, seq }) => {
      app.hide(room, seq, true);
      shell.toast(laterTexts.talkHidden, { action: { label: laterTexts.talkUndo, onPress: () => app.hide(room, seq, false) } });
    },
    person: (item) => !item.isOwn && shell.person(item.from, person(app.state, item.from, item.name).name),
    menu: withItem(() => import("./message-menu.js"), "openMessageMenu"),
    forward: withPanel("openForward"),
    info: withPanel("openMessageInfo"),
    reactors: withPanel("openReactors"),
    remove: withPanel("openDelete"),
  };
  const hasReacted = (item, emoji) =>
    item.message.reactions.some((reaction) => reaction.emoji === emoji && reaction.isMine);
  for (const [name, act] of Object.entries(actions)) actions[name] = (item, ...rest) => act(now(item), ...rest);
  return actions;
}
