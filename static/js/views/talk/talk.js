/**
 * The talk: log, composer, and what belongs to them. Menus and dialogs are loaded when they are first opened.
 */
import { laterTexts } from "../../core/later-texts.js";
import { inParts } from "../../core/length.js";
import { isGone } from "../../core/failed.js";
import { openRoom, shown } from "../../core/select.js";
import { copyText } from "../parts/clipboard.js";
import { Completion } from "../parts/completion.js";
import { followTouch } from "../parts/touch.js";
import { makeActions } from "./actions.js";
import { Attaching } from "./attaching.js";
import { Composer } from "./composer.js";
import { EmptyRoom } from "./empty-room.js";
import { followDrops } from "./drops.js";
import { FailedNotice } from "./failed-notice.js";
import { DayAbove } from "./day-above.js";
import { FirstUnread } from "./first-unread.js";
import { LengthNotice } from "./length-notice.js";
import { JumpButton } from "./jump-button.js";
import { followKeys } from "./keys.js";
import { MentionLine } from "./mention-line.js";
import { PinnedBar } from "./pinned-bar.js";
import { ReadingPlaces } from "./reading-places.js";
import { makeSending } from "./sending.js";
import { Suggestions } from "./suggestions.js";
import { HoverTools } from "./hover-tools.js";
import { TypingLine } from "./typing-line.js";
import { VoiceButton } from "./voice-button.js";
import { WaitingBar } from "./waiting-bar.js";
import { WritingState } from "./writing-state.js";

/**
 * @param {import("../../app/app.js").App} app @param {object} elements see boot/all-views.js
 * @param {{shell: object, log: import("./log.js").ChatLog, files: File[]}} around see shell.js; the log is drawn before this is; files: that came before this
 * @returns {{render(state: object): void, focus(): void, mention(one: object): void, field: HTMLElement, openSearch(query?: string): void, forgetPlace(room: string): void}}
 */
export function mountTalk(app, elements, { shell, log, files }) {
  const { top, chat, bottom, jump, failed } = elements;
  const jumpTo = (seq) => shell.jump(app.state.open, seq);
  log.onJump = jumpTo;
  log.onFile = async (what, { room, seq, message: { id } }, n) => {
    if (what === "cancel") app.discard(id);
    else if (what === "retry") app.retry(id);
    else if (seq !== null) (await import("../panels/panels.js")).openPictures(shell, room, { seq, n });
  };
  const suggestions = new Suggestions(app);
  const openSearch = (query = "") => {
    if (query) shell.closeSide();
    return shell.openSide("search", async () => (await import("../panels/panels.js")).makeSearch(shell, query));
  };
  const toLatest = () => {
    app.toLatest();
    places.forget(app.state.open);
    log.render(app.state);
    log.toBottom();
  };
  const mentions = new MentionLine(bottom, suggestions);
  const length = new LengthNotice(bottom, {
    limits: () => app.state.limits,
    onParts: () => {
      const parts = length.partsOf(composer.text);
      if (parts === null) composer.complain(laterTexts.talkTooManyParts);
      else composer.submit(parts);
    },
  });
  const send = makeSending(shell, { suggestions, onSearch: openSearch, takeFiles: () => attaching.take() });
  let attaching = null;
  const composer = new Composer(app, elements, {
    onSend: (text, extras) => {
      const problem = send(text, extras);
      if (problem === null && extras.editing === null) toLatest();
      return problem;
    },
    hasFiles: () => attaching?.count > 0,
    onEditLast: () => {
      const last = log.items.findLast((item) => item.kind === "message" && item.isOwn && actions.isLive(item));
      if (last) actions.edit(last);
    },
    onEmoji: (at) => import("./emoji-choice.js").then(({ chooseEmoji }) => chooseEmoji(at, (emoji) => composer.insert(emoji), { isForSeveral: true })),
    onText: (text, isMessage) => length.show(text, isMessage),
    onField: (field, parent) => {
      new Completion(field, parent, {
        candidatesFor: (text, caret) => suggestions.for(field, text, caret),
        onTaken: () => field.dispatchEvent(new Event("input", { bubbles: true })),
      });
      field.addEventListener("input", () => mentions.show(field.value));
    },
  });
  attaching = new Attaching(shell, composer, elements);
  if (files.length > 0) attaching.add(files);
  const actions = makeActions(shell, { composer, log });
  followDrops(composer, elements.room, (...dropped) => attaching.add(...dropped));
  const withItem = (does) => (element, at) => {
    const item = log.itemOf(element);
    if (item) does(item, at ?? element.querySelector(".bubble"));
  };

  new HoverTools(chat, {
    isFor: (element) => actions.isLive(log.itemOf(element)),
    onReact: withItem(actions.pickReaction),
    onReply: withItem(actions.reply),
    onMenu: withItem(actions.menu),
  });
  followTouch(chat, {
    selector: "p.message",
    onSwipe: withItem((item) => actions.isLive(item) && actions.reply(item)),
    onHold: withItem(actions.menu),
  });
  followTouch(chat, { selector: ".reaction", onHold: (chip) => actions.reactors(log.itemOf(chip.closest("p"))) });
  followKeys(chat, {
    step: (from, step) => moveFocus(log, log.itemOf(from), step),
    end: (step) => moveFocus(log, null, -step, step < 0 ? 0 : undefined),
    menu: withItem(actions.menu),
    remove: withItem((item) => actions.isLive(item) && actions.remove(item)),
    write: () => composer.focus(),
  });
  chat.addEventListener("click", (event) => {
    const face = event.target.closest(".message > .avatar, .author");
    const item = face && log.itemOf(face.closest("p"));
    if (item) actions.person(item);
  });

  const places = new ReadingPlaces(app, log, chat);
  const views = [
    new WaitingBar(top, { onShow: () => shell.showInfo() }),
    new PinnedBar(app, top, { onJump: jumpTo, onList: () => shell.info() }),
    new FirstUnread(app, log, chat),
    new DayAbove(log, chat),
    places,
    new JumpButton(jump, { onJump: toLatest }),
    new EmptyRoom(shell, elements.empty),
    new TypingLine(bottom),
    new WritingState(app, elements.composer, bottom),
    composer,
    attaching,
    new VoiceButton(shell, composer, elements),
    new FailedNotice(failed, {
      onRetry: async ({ id, room, code }) => {
        if (code === "not_joined" && room !== app.state.open) await shell.open(room);
        app.retry(id);
      },
      onParts: ({ id, room, text, replyTo, mentions = [] }) => {
        const parts = inParts(text, app.state.limits);
        if (parts === null) return shell.toast(laterTexts.talkTooManyParts, { isBad: true });
        app.discard(id);
        for (const [index, part] of parts.entries()) app.send(room, part, index === 0 ? { replyTo, mentions } : {});
      },
      onAsFile: (entry) => app.files.sendAsFile(entry),
      onEdit: (entry) => takeBack(shell, { composer, log, attaching }, entry),
      onDiscard: ({ id }) => {
        app.discard(id);
        composer.focus();
      },
    }),
  ];
  let hasPreviews = false;
  let open = null;
  const talk = {
    focus: () => composer.focus(),
    mention(one) {
      suggestions.choose(one);
      composer.insertWord(`@${one.name}`);
    },
    get field() {
      return composer.field;
    },
    openSearch,
    forgetPlace: (name) => places.forget(name),
    render(state) {
      for (const view of views) view.render(state);
      mentions.show(composer.text);
      if (state.limits.hasPreviews && !hasPreviews) {
        hasPreviews = true;
        import("./link-previews.js").then(({ showLinkPreviews }) => showLinkPreviews(app, chat, log));
      }
      if (state.open !== open) {
        open = state.open;
        app.viewed({ isAtBottom: log.isAtBottom });
      }
      const { window } = shown(state, openRoom(state));
      if (window.hasOlder && log.isNearTop) app.loadOlder();
    },
  };
  return talk;
}

/** A message that was not sent is edited in its room; where there is none any more its text can be taken along. */
async function takeBack(shell, { composer, log, attaching }, entry) {
  const { app } = shell;
  const { id, command, room, target, text } = entry;
  if (isGone(app.state, entry)) {
    if (await copyText(text)) shell.toast(laterTexts.failedCopied);
    return;
  }
  if (room !== app.state.open) await shell.open(room);
  if (room !== app.state.open) return; // and it was said why
  if (command === "edit" && !log.itemAt(target)) {
    await app.jumpTo(room, target);
    log.render(app.state);
  }
  const item = command === "edit" ? log.itemAt(target) : null;
  const files = entry.files ? await app.files.chosen(entry) : [];
  app.discard(id);
  if (item) composer.edit(item, text);
  else composer.putBack(text);
  if (files.length > 0) attaching.add(files);
}

/** Arrow keys: from one message to the next; from the log itself to the newest one. */
function moveFocus(log, from, step, at = null) {
  const messages = log.items.filter(({ kind }) => kind === "message" || kind === "blocked");
  const here = from ? messages.findIndex(({ key }) => key === from.key) : -1;
  let next = here + step;
  if (here < 0) next = at ?? messages.length - 1;
  const item = messages[Math.max(0, Math.min(next, messages.length - 1))];
  if (item) log.focusOn(item.key);
}
