/**
 * The page around the log: the shell, and where people write. See first-view.js for what comes before.
 */
import { mountShell } from "../views/shell/shell.js";
import { mountTalk } from "../views/talk/talk.js";
import { followVisualViewport } from "../views/shell/viewport.js";

/**
 * In steps: on a slow phone all of it at once would be a long time in which the page answers to nobody.
 * @param {import("../app/app.js").App} app
 * @param {object} begun
 * @param {object} begun.route what the address asked for
 * @param {import("../views/talk/log.js").ChatLog} begun.log
 * @param {Set<{render(state: object): void}>} begun.views what is drawn after each change
 * @param {AbortController} begun.meanwhile ends what stood in for this
 */
export async function build(app, { route, log, views, meanwhile }) {
  followVisualViewport();
  const shell = mountShell(app, { route });
  shell.talk = mountTalk(app, elements(), { shell, log });
  meanwhile.abort();
  for (const view of [shell.talk, shell]) {
    view.render(app.state);
    views.add(view);
    await pause();
  }
}

const pause = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

/** The places in the page for what is said. */
function elements() {
  const byId = (id) => document.getElementById(id);
  return {
    top: byId("talk-top"), chat: byId("chat"), bottom: byId("talk-bottom"), composer: byId("composer"), input: byId("msg"),
    send: byId("send"), tools: byId("composer-tools"), jump: byId("jump"), failed: byId("failed"),
  };
}
