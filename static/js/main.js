/**
 * Puts the page together: state in the middle, the server on one side, the views on the other.
 */
import { Connection, followBrowser } from "./net/connection.js";
import { Identity } from "./net/identity.js";
import { newId } from "./net/ids.js";
import { Outbox } from "./net/outbox.js";
import { StickyScroll } from "./views/scroll.js";
import { Session } from "./net/session.js";
import { initialState, reduce } from "./core/state.js";
import { Store } from "./core/store.js";
import { fill } from "./core/texts.js";
import { followVisualViewport } from "./views/viewport.js";
import { ChatLog } from "./views/chat-log.js";
import { Composer } from "./views/composer.js";
import { FailedNotice } from "./views/failed-notice.js";
import { JumpButton } from "./views/jump.js";
import { Me } from "./views/me.js";
import { Placeholder } from "./views/placeholder.js";
import { ConnectionStatus } from "./views/status.js";

const ROOM = "lobby";
const SPOILT_ID = "id_conflict"; // the one error after which the old id must never be used again
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const byId = (id) => document.getElementById(id);

function serverUrl() {
  const url = new URL(".", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

fill(document);
followVisualViewport();

const store = new Store(reduce, initialState(ROOM));
const session = new Session(store, new Identity(), (handlers) => new Connection(serverUrl(), handlers));
const outbox = new Outbox();

const scroll = new StickyScroll(byId("chat"), {
  onMoved: (isAtBottom) => store.dispatch({ type: "viewed", isAtBottom }),
  onNearTop: () => session.loadOlder(),
});
const composer = new Composer(byId("composer"), {
  onSend: (text) => {
    store.dispatch({ type: "queued", entry: { id: newId(), room: ROOM, text, at: Date.now() } });
    scroll.toBottom();
  },
});
const views = [
  new ChatLog(byId("chat"), scroll),
  new Placeholder({ loading: byId("loading"), empty: byId("empty"), older: byId("older") }),
  new ConnectionStatus(byId("status"), byId("banner"), { onTryNow: () => tryNow() }),
  new JumpButton(byId("jump"), { onJump: () => scroll.toBottom() }),
  new FailedNotice(byId("failed"), {
    onRetry: ({ id, code }) =>
      store.dispatch({ type: "retried", id, newId: code === SPOILT_ID ? newId() : id }),
    onEdit: ({ id, text }) => {
      store.dispatch({ type: "discarded", id });
      composer.edit(text);
    },
    onDiscard: ({ id }) => {
      store.dispatch({ type: "discarded", id });
      composer.focus();
    },
  }),
  new Me(byId("me"), byId("name-dialog"), {
    onRename: (name) => session.rename(name),
    onClosed: () => composer.focus(),
  }),
];

function tryNow() {
  session.connection.start();
  session.connection.hurry();
}

let isRenderDue = false;

function renderSoon() {
  if (isRenderDue) return;
  isRenderDue = true;
  if (document.hidden) setTimeout(render, HIDDEN_RENDER_MS);
  else requestAnimationFrame(render);
}

function render() {
  isRenderDue = false;
  for (const view of views) view.render(store.state);
  if (scroll.isNearTop) session.loadOlder();
}

store.subscribe((state, before) => {
  renderSoon();
  outbox.follow(state.outbox, before.outbox);
  // Another tab may have been closed with something waiting: whoever comes online takes it along.
  if (state.connection !== before.connection && state.connection.phase === "online") restore();
});

async function restore() {
  store.dispatch({ type: "restored", entries: await outbox.load() });
}

function noticeVisibility() {
  store.dispatch({ type: "viewed", isVisible: !document.hidden });
  if (isRenderDue) render();
}

document.addEventListener("visibilitychange", noticeVisibility);
noticeVisibility();
render();
restore();
session.connection.start();
followBrowser(session.connection);
