/**
 * The page around the log: the shell, and where people write. It comes when the log is there, see begin.js.
 */
import { mountShell } from "./views/shell/shell.js";
import { mountTalk } from "./views/talk/talk.js";
import { followVisualViewport } from "./views/viewport.js";

/**
 * In steps: on a slow phone all of it at once would be a long time in which the page answers to nobody.
 * @param {import("./app.js").App} app
 * @param {{route: object, log: import("./views/talk/log.js").ChatLog, views: object[], takeSaid(): string[]}} begun what the
 *   address asked for, what is drawn already, and what was said meanwhile
 */
export async function build(app, { route, log, views, takeSaid }) {
  followVisualViewport();
  const shell = mountShell(app, { route });
  await pause();
  shell.render(app.state);
  views.push(shell);
  await pause();
  shell.talk = mountTalk(app, elements(), { shell, log });
  shell.talk.render(app.state);
  views.push(shell.talk);
  shell.talk.catchUp(takeSaid());
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
