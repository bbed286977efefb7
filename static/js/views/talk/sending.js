/**
 * Sending from the composer: a text becomes a message, an edit, or a slash command that is run.
 */
import { laterTexts } from "../../core/later-texts.js";
import { mentionIds } from "../../core/mentions.js";
import { modTexts } from "../../core/moderation-texts.js";
import { messageAt, openRoom } from "../../core/select.js";
import { parseSlash } from "../../core/slash.js";
import { writingIn } from "../../core/permissions.js";

/**
 * @param {object} shell
 * @param {object} options
 * @param {import("./suggestions.js").Suggestions} options.suggestions who can be mentioned @param {(query: string) => void} options.onSearch
 * @param {() => object[]} options.takeFiles what goes along with the message
 * @returns {(text: string, extras: {replyTo: number|null, editing: number|null, parts?: string[]|null}) => string|null} what is wrong, or null
 */
export function makeSending(shell, { suggestions, onSearch, takeFiles }) {
  const { app } = shell;
  const { chosen } = suggestions;
  const mentions = (text) => mentionIds(text, suggestions.people, chosen);
  return (text, { replyTo, editing, parts = null }) => {
    const room = app.state.open;
    if (editing !== null) {
      const isEmpty = text.trim() === "";
      if (isEmpty && !messageAt(openRoom(app.state), editing)?.files.length) return laterTexts.talkEditEmpty;
      app.edit(room, editing, isEmpty ? "" : text, { mentions: mentions(text) });
      chosen.clear();
      return null;
    }
    const meant = parseSlash(text);
    if (meant.kind === "error") return meant.message;
    if (meant.kind === "command") {
      run(shell, onSearch, meant);
      return null;
    }
    const writing = writingIn(app.state, openRoom(app.state), Date.now());
    if (writing.kind === "slow") return modTexts.slowWait(Math.ceil((writing.until - Date.now()) / 1000));
    for (const [index, part] of (parts ?? [meant.text]).entries()) {
      const extras = { replyTo: (index === 0 && replyTo) || undefined, mentions: mentions(part) };
      const files = takeFiles(); // with the first part
      if (files.length > 0) app.files.send(room, part.trim(), files, extras);
      else app.send(room, part, extras);
    }
    chosen.clear();
    return null;
  };
}

async function run({ app, say, ...shell }, onSearch, { command, argument }) {
  const room = app.state.open;
  const does = {
    nick: () => app.rename(argument),
    topic: () => app.setRoom(room, { topic: argument }),
    title: () => app.setRoom(room, { title: argument }),
    invite: () => shell.invite(room),
    search: () => onSearch(argument),
    leave: () => shell.leave(room),
    help: () => shell.help(),
  };
  const answer = await does[command]();
  if (answer && answer.ok === false) say(answer);
}
