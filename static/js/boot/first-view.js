/**
 * The page's entry: state, connection and the log, so that messages are on the screen first. All other views are in
 * all-views.js, which waits for the messages, but not long.
 */
import { HOME } from "../core/home.js";
import { openRoom, titleOf } from "../core/select.js";
import { fillTexts, texts } from "../core/texts.js";
import { clock } from "../core/time.js";
import { parseRoute } from "../views/parts/address.js";
import { OPEN_KEY, PLACES_KEY, readKept } from "../views/parts/storage.js";
import { ChatLog } from "../views/talk/log.js";
import { Placeholder } from "../views/talk/placeholder.js";
import { assemble } from "./assemble.js";

const MESSAGES_TIMEOUT_MS = 1_000; // how long all other views wait for messages, which may never come
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const byId = (id) => document.getElementById(id);

function showFirstView() {
  const route = parseRoute(location.hash);
  const name = route.room ?? readKept("sessionStorage", OPEN_KEY) ?? HOME;
  const places = rememberedPlaces();
  if (route.seq) places.delete(name);
  const app = assemble(name);
  const allViews = import("./all-views.js");
  const log = new ChatLog(app, byId("chat"), places);
  const views = new Set([log, new Placeholder({ loading: byId("loading"), older: byId("older") })]);
  // Aborted when the views are there for which these stand in.
  const standIns = new AbortController();
  showRoomTitle(views, standIns.signal);
  sendPlainTexts(app, standIns.signal);
  replayPress(standIns.signal);
  const files = catchFiles(standIns.signal);
  const timeout = new Promise((resolve) => setTimeout(resolve, MESSAGES_TIMEOUT_MS));
  const isReady = Promise.race([messagesDrawn(views), timeout]);
  renderOnChange(app, views);
  fillTexts(document);
  // The first call is slow: better now than when the messages are there.
  clock(Date.now());
  allViews.then(({ buildAllViews }) => isReady.then(() => buildAllViews(app, { route, log, files, views, standIns }))).catch(showLoadFailure);
}

/** Until the head has its view: which room this is. */
function showRoomTitle(views, signal) {
  const view = { render: (state) => (byId("room-title").textContent = titleOf(state, openRoom(state))) };
  views.add(view);
  signal.addEventListener("abort", () => views.delete(view));
}

/** Until the composer is there: send what is written. Slash commands stay in the field for it. */
function sendPlainTexts(app, signal) {
  const input = byId("msg");
  const send = (event) => {
    event.preventDefault();
    const { value } = input;
    if (value.startsWith("/") || openRoom(app.state).isMissing) return;
    input.value = "";
    if (value.trim() !== "") app.send(app.state.open, value);
  };
  byId("composer").addEventListener("submit", send, { signal });
}

/** Press the last button again that was pressed before its view was there. */
function replayPress(signal) {
  let pressed = null;
  const remember = ({ target }) => (pressed = target.closest("button:not([type=submit])") ?? pressed);
  addEventListener("click", remember, { signal });
  signal.addEventListener("abort", () => setTimeout(() => pressed?.click()));
}

/** Keep the files that are dropped or pasted before there is a view for them; the browser must not open them in our place. */
function catchFiles(signal) {
  const caught = [];
  for (const type of ["dragover", "drop", "paste"]) {
    addEventListener(type, (event) => {
      const { files, types } = event.dataTransfer ?? event.clipboardData;
      if (!types.includes("Files")) return;
      event.preventDefault();
      if (type !== "dragover") caught.push(...files);
    }, { signal });
  }
  return caught;
}

/** Resolves when the room's messages are drawn, or it has none, or they do not come. */
function messagesDrawn(views) {
  return new Promise((resolve) => {
    const view = {
      render(state) {
        const { isSynced, live } = openRoom(state);
        const isComing = ["connecting", "online"].includes(state.connection.phase);
        if (isComing && !isSynced && live.events.length === 0) return;
        views.delete(view);
        // When they can be seen.
        setTimeout(resolve);
      },
    };
    views.add(view);
  });
}

/** @returns {Map<string, {seq: number, offset: number}>} by room, the one left last at the end */
function rememberedPlaces() {
  try {
    return new Map(JSON.parse(readKept("sessionStorage", PLACES_KEY)));
  } catch {
    return new Map();
  }
}

/** Say that the other views could not be loaded: reading and writing still work. */
function showLoadFailure(error) {
  console.error(error);
  const banner = byId("banner");
  const button = banner.querySelector("button");
  banner.setAttribute("role", "alert");
  banner.querySelector(".banner-message").textContent = texts.shellNotLoaded;
  button.textContent = texts.shellReload;
  button.addEventListener("click", () => location.reload());
  banner.hidden = false;
}

/** Render the views now, and after each change of the state, at most once for each frame of the screen. */
function renderOnChange(app, views) {
  let isDue = false;
  const render = () => {
    isDue = false;
    for (const view of views) view.render(app.state);
  };
  app.subscribe(() => {
    if (isDue) return;
    isDue = true;
    if (document.hidden) setTimeout(render, HIDDEN_RENDER_MS);
    else requestAnimationFrame(render);
  });
  document.addEventListener("visibilitychange", () => isDue && render());
  render();
}

showFirstView();
