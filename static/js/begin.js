/**
 * What the page begins with: the state, the connection and the log. Messages are on the screen before anything else of
 * the page is there; the rest is main.js.
 */
import { openRoom } from "./core/select.js";
import { fill, texts } from "./core/texts.js";
import { clock } from "./core/time.js";
import { start } from "./start.js";
import { parseRoute } from "./views/shell/routes.js";
import { rememberedRoom } from "./views/shell/screen.js";
import { ChatLog } from "./views/talk/log.js";
import { Placeholder } from "./views/talk/placeholder.js";

const HOME = "lobby";
const PATIENCE_MS = 1_000; // for a server that does not answer, the rest does not wait any longer
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const byId = (id) => document.getElementById(id);

function begin() {
  const route = parseRoute(location.hash);
  const app = start(route.room ?? rememberedRoom() ?? HOME);
  const rest = import("./main.js");
  const log = new ChatLog(app, byId("chat"));
  const views = [log, new Placeholder({ loading: byId("loading"), empty: byId("empty"), older: byId("older") })];
  const takeSaid = collect(byId("composer"), byId("msg"));
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const isTime = Promise.race([whenMessagesAreThere(views), patience]);
  follow(app, views);
  fill(document);
  clock(Date.now()); // for the first time it takes long: better now than when the messages are there
  rest.then(({ build }) => isTime.then(() => build(app, { route, log, views, takeSaid })), () => sayThatItFailed(takeSaid));
}

/** What is said before the rest is there waits for it. @returns {() => string[]} ends that */
function collect(form, input) {
  const said = [];
  const keep = (event) => {
    event.preventDefault();
    said.push(input.value);
    input.value = "";
  };
  form.addEventListener("submit", keep);
  return () => {
    form.removeEventListener("submit", keep);
    return said;
  };
}

/** Resolves when the room's messages are drawn, or it has none, or they do not come. */
function whenMessagesAreThere(views) {
  return new Promise((resolve) => {
    const watcher = {
      render(state) {
        const { isSynced, live } = openRoom(state);
        const isComing = ["connecting", "online"].includes(state.connection.phase);
        if (isComing && !isSynced && live.events.length === 0) return;
        views.splice(views.indexOf(watcher), 1);
        setTimeout(resolve); // when they can be seen
      },
    };
    views.push(watcher);
  });
}

/** One can read, and nothing else. */
function sayThatItFailed(takeSaid) {
  const banner = byId("banner");
  const button = banner.querySelector("button");
  banner.querySelector(".banner-message").textContent = texts.shellNotLoaded;
  button.textContent = texts.shellReload;
  button.addEventListener("click", () => location.reload());
  banner.hidden = false;
  byId("msg").value = [...takeSaid(), byId("msg").value].join(" ");
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
