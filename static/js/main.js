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

/** In steps: on a slow phone all of it at once would be a long time in which the page answers to nobody. */
async function build() {
  const route = parseRoute(location.hash);
  const app = start(route.room ?? rememberedRoom() ?? HOME);
  fill(document);
  followVisualViewport();
  await pause();
  const shell = mountShell(app, { route });
  await pause();
  const talk = mountTalk(app, elements(), shell);
  shell.talk = talk;
  follow(app, [shell, talk]);
}

const pause = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

/** The places in the page for what is said. */
function elements() {
  const byId = (id) => document.getElementById(id);
  return {
    top: byId("talk-top"), chat: byId("chat"), older: byId("older"), loading: byId("loading"), empty: byId("empty"),
    bottom: byId("talk-bottom"), composer: byId("composer"), input: byId("msg"), send: byId("send"),
    tools: byId("composer-tools"), jump: byId("jump"), failed: byId("failed"),
  };
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

build();
