/**
 * What the page begins with: the state, the connection and the log. Messages are on the screen before anything else of
 * the page is there; the rest is all-views.js, which waits for them, but not long.
 */
import { HOME } from "../core/home.js";
import { openRoom, titleOf } from "../core/select.js";
import { fill, texts } from "../core/texts.js";
import { clock } from "../core/time.js";
import { start } from "./assemble.js";
import { parseRoute } from "../views/parts/address.js";
import { rememberedRoom } from "../views/shell/screen.js";
import { ChatLog } from "../views/talk/log.js";
import { Placeholder } from "../views/talk/placeholder.js";

const PATIENCE_MS = 1_000; // for a server that does not answer, the rest does not wait any longer
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const byId = (id) => document.getElementById(id);

function begin() {
  const route = parseRoute(location.hash);
  const app = start(route.room ?? rememberedRoom() ?? HOME);
  const rest = import("./all-views.js");
  const log = new ChatLog(app, byId("chat"));
  const views = new Set([log, new Placeholder({ loading: byId("loading"), empty: byId("empty"), older: byId("older") })]);
  const meanwhile = new AbortController(); // ends what stands in for the rest
  nameRoom(views, meanwhile.signal);
  sendWhatIsWritten(app, meanwhile.signal);
  rememberPressed(meanwhile.signal);
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const isTime = Promise.race([whenMessagesAreThere(views), patience]);
  follow(app, views);
  fill(document);
  clock(Date.now()); // for the first time it takes long: better now than when the messages are there
  rest.then(({ build }) => isTime.then(() => build(app, { route, log, views, meanwhile }))).catch(sayThatItFailed);
}

/** The head has no view yet, and one must know where one is. */
function nameRoom(views, signal) {
  const view = { render: (state) => (byId("room-title").textContent = titleOf(state, openRoom(state))) };
  views.add(view);
  signal.addEventListener("abort", () => views.delete(view));
}

/** The field can be written in from the start. Commands wait for who knows them. */
function sendWhatIsWritten(app, signal) {
  const input = byId("msg");
  const send = (event) => {
    event.preventDefault();
    const { value } = input;
    if (value.startsWith("/")) return;
    input.value = "";
    if (value.trim() !== "") app.send(app.state.open, value);
  };
  byId("composer").addEventListener("submit", send, { signal });
}

/** A button that is pressed before anybody answers to it is pressed again then. */
function rememberPressed(signal) {
  let pressed = null;
  const remember = ({ target }) => (pressed = target.closest("button:not([type=submit])") ?? pressed);
  addEventListener("click", remember, { signal });
  signal.addEventListener("abort", () => setTimeout(() => pressed?.click()));
}

/** Resolves when the room's messages are drawn, or it has none, or they do not come. */
function whenMessagesAreThere(views) {
  return new Promise((resolve) => {
    const view = {
      render(state) {
        const { isSynced, live } = openRoom(state);
        const isComing = ["connecting", "online"].includes(state.connection.phase);
        if (isComing && !isSynced && live.events.length === 0) return;
        views.delete(view);
        setTimeout(resolve); // when they can be seen
      },
    };
    views.add(view);
  });
}

/** One can read, and say something, and nothing else. */
function sayThatItFailed(error) {
  console.error(error);
  const banner = byId("banner");
  const button = banner.querySelector("button");
  banner.setAttribute("role", "alert");
  banner.querySelector(".banner-message").textContent = texts.shellNotLoaded;
  button.textContent = texts.shellReload;
  button.addEventListener("click", () => location.reload());
  banner.hidden = false;
}

/** Draw the views now, and after each change at most once for each frame of the screen. */
function follow(app, views) {
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

begin();
