/**
 * Assembles store, storage, session and app, and starts to connect. It needs no view, so connecting and building the page
 * go on side by side.
 */
import { App } from "../app/app.js";
import { initialState, reduce } from "../core/state.js";
import { Store } from "../core/store.js";
import { today } from "../core/time.js";
import { Cache } from "../net/cache.js";
import { Connection, followBrowser } from "../net/connection.js";
import { Database } from "../net/database.js";
import { Identity } from "../net/identity.js";
import { Outbox } from "../net/outbox.js";
import { Session } from "../net/session.js";
import { Turn } from "../net/turn.js";

const MINUTE_MS = 60_000;

/** @param {string} roomName the room to open first @returns {App} */
export function assemble(roomName) {
  const { device = "", invite = null, connection: early = null, database: opening = Promise.resolve(null) } = window.early ?? {};
  delete window.early;
  const store = new Store(reduce, initialState(roomName));
  const database = new Database(opening);
  const outbox = new Outbox(database, (id) => store.dispatch({ type: "discarded", id }));
  const cache = new Cache(database);
  const restored = cache.load().then((action) => action && store.dispatch(action));
  const session = new Session(store, new Identity(), (handlers) => new Connection(serverUrl(), handlers), {
    restored,
    turn: new Turn(early?.turn),
    device,
    invite,
    onEvent: (frame) => app.onEvent(frame),
  });
  const app = new App({ store, session });
  const restore = async () => store.dispatch({ type: "restored", entries: await outbox.load() });

  store.subscribe((state, before) => {
    outbox.follow(state.outbox, before.outbox);
    cache.follow(state);
    if (state.lost !== before.lost && state.lost?.why === "loggedOut") cache.clear();
    // Another tab may have been closed with commands waiting: send them from here.
    if (state.connection !== before.connection && state.connection.phase === "online") restore();
  });
  const noticeDay = () => {
    store.dispatch({ type: "day", day: today() });
    setTimeout(noticeDay, MINUTE_MS - (Date.now() % MINUTE_MS));
  };
  noticeDay();
  const noticeVisibility = () => {
    store.dispatch({ type: "day", day: today() }); // after a sleep, or a journey
    app.viewed({ isVisible: !document.hidden });
    if (!document.hidden) return;
    session.tellReadMarkers();
    cache.flush();
  };
  document.addEventListener("visibilitychange", noticeVisibility);
  // Before followBrowser ends the connection.
  addEventListener("pagehide", () => session.tellReadMarkers());
  noticeVisibility();
  restore();
  const connect = () => {
    session.connection.start(early);
    followBrowser(session.connection);
  };
  // What the early socket received comes after what the cache holds. For new users there is no cache to wait for.
  if (early?.greeting?.token) restored.then(connect);
  else connect();
  return app;
}

function serverUrl() {
  const url = new URL(".", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
