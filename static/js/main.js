/**
 * Puts the page together: state in the middle, the server on one side, the views on the other.
 */
import { fill } from "./core/texts.js";
import { start } from "./start.js";
import { parseRoute } from "./views/shell/routes.js";
import { rememberedRoom } from "./views/shell/screen.js";
import { mountShell } from "./views/shell/shell.js";
import { mountTalk } from "./views/talk/talk.js";
import { followVisualViewport } from "./views/viewport.js";

const HOME = "lobby";
const HIDDEN_RENDER_MS = 200; // a page in the background gets no animation frames

const route = parseRoute(location.hash);
const app = start(route.room ?? rememberedRoom() ?? HOME);
fill(document);
followVisualViewport();

const shell = mountShell(app, { route });
const talk = mountTalk(app, elements(), shell);
shell.talk = talk;
let isRenderDue = false;

/** The places in the page for what is said. */
function elements() {
  const byId = (id) => document.getElementById(id);
  return {
    top: byId("talk-top"), chat: byId("chat"), older: byId("older"), loading: byId("loading"), empty: byId("empty"),
    bottom: byId("talk-bottom"), composer: byId("composer"), input: byId("msg"), send: byId("send"),
    tools: byId("composer-tools"), jump: byId("jump"), failed: byId("failed"),
  };
}

function renderSoon() {
  if (isRenderDue) return;
  isRenderDue = true;
  if (document.hidden) setTimeout(render, HIDDEN_RENDER_MS);
  else requestAnimationFrame(render);
}

function render() {
  isRenderDue = false;
  shell.render(app.state);
  talk.render(app.state);
}

app.subscribe(renderSoon);
document.addEventListener("visibilitychange", () => isRenderDue && render());
render();
