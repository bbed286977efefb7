/**
 * What is said in the open room, and where one writes.
 */
import { openRoom } from "../../core/select.js";
import { ChatLog } from "../chat-log.js";
import { Composer } from "../composer.js";
import { FailedNotice } from "../failed-notice.js";
import { JumpButton } from "../jump.js";
import { Placeholder } from "../placeholder.js";
import { StickyScroll } from "../scroll.js";

/** @param {import("../../app.js").App} app @param {object} elements see main.js */
export function mountTalk(app, { chat, composer: form, loading, empty, older, jump, failed }) {
  const scroll = new StickyScroll(chat, {
    onMoved: (isAtBottom) => app.viewed({ isAtBottom }),
    onNearTop: () => app.loadOlder(),
  });
  const composer = new Composer(form, {
    onSend: (text) => {
      app.send(app.state.open, text);
      scroll.toBottom();
    },
  });
  const views = [
    new ChatLog(chat, scroll),
    new Placeholder({ loading, empty, older }),
    new JumpButton(jump, { onJump: () => scroll.toBottom() }),
    new FailedNotice(failed, {
      onRetry: ({ id }) => app.retry(id),
      onEdit: ({ id, text }) => {
        app.discard(id);
        composer.edit(text);
      },
      onDiscard: ({ id }) => {
        app.discard(id);
        composer.focus();
      },
    }),
  ];
  let shown = app.state.open;
  return {
    focus: () => composer.focus(),
    render(state) {
      if (state.open !== shown) {
        shown = state.open;
        scroll.toBottom();
        app.viewed({ isAtBottom: true });
      }
      for (const view of views) view.render(state);
      if (openRoom(state) && scroll.isNearTop) app.loadOlder();
    },
  };
}
