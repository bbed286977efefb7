/**
 * Puts the page together: state in the middle, the server on one side, the views on the other.
 */
import { fill } from "./core/texts.js";
import { start } from "./start.js";
import { ChatLog } from "./views/chat-log.js";
import { Composer } from "./views/composer.js";
import { FailedNotice } from "./views/failed-notice.js";
import { JumpButton } from "./views/jump.js";
import { Me } from "./views/me.js";
import { Placeholder } from "./views/placeholder.js";
import { StickyScroll } from "./views/scroll.js";
import { ConnectionStatus } from "./views/status.js";
import { followVisualViewport } from "./views/viewport.js";

const ROOM = "lobby";
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const byId = (id) => document.getElementById(id);

const app = start(ROOM);
fill(document);
followVisualViewport();

const scroll = new StickyScroll(byId("chat"), {
  onMoved: (isAtBottom) => app.viewed({ isAtBottom }),
  onNearTop: () => app.loadOlder(),
});
const composer = new Composer(byId("composer"), {
  onSend: (text) => {
    app.send(app.state.open, text);
    scroll.toBottom();
  },
});
const views = [
  new ChatLog(byId("chat"), scroll),
  new Placeholder({ loading: byId("loading"), empty: byId("empty"), older: byId("older") }),
  new ConnectionStatus(byId("status"), byId("banner"), { onTryNow: () => app.tryNow() }),
  new JumpButton(byId("jump"), { onJump: () => scroll.toBottom() }),
  new FailedNotice(byId("failed"), {
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
  new Me(byId("me"), byId("name-dialog"), {
    onRename: async (name) => (await app.rename(name)).message ?? null,
    onClosed: () => composer.focus(),
  }),
];

let isRenderDue = false;

function renderSoon() {
  if (isRenderDue) return;
  isRenderDue = true;
  if (document.hidden) setTimeout(render, HIDDEN_RENDER_MS);
  else requestAnimationFrame(render);
}

function render() {
  isRenderDue = false;
  for (const view of views) view.render(app.state);
  if (scroll.isNearTop) app.loadOlder();
}

app.subscribe(renderSoon);
document.addEventListener("visibilitychange", () => isRenderDue && render());
render();
