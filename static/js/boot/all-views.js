/**
 * All views but the log: the shell around it, and the composer. first-view.js comes before.
 */
import { Alerts } from "../app/alerts.js";
import { Moderation } from "../app/moderation.js";
import { questions } from "../app/questions.js";
import { Recounts } from "../app/recounts.js";
import { Drafts } from "../net/drafts.js";
import { Lookups } from "../net/lookups.js";
import { mountShell } from "../views/shell/shell.js";
import { mountTalk } from "../views/talk/talk.js";
import { followHands } from "../views/parts/hands.js";
import { followVisualViewport } from "../views/shell/viewport.js";

/**
 * Build and render them in steps: at once they would block a slow phone for a long time.
 * @param {import("../app/app.js").App} app
 * @param {object} first
 * @param {object} first.route what the address asks for
 * @param {import("../views/talk/log.js").ChatLog} first.log
 * @param {File[]} first.files that were dropped or pasted already
 * @param {Set<{render(state: object): void}>} first.views all that is rendered after each change
 * @param {AbortController} first.standIns to be aborted when these views are there
 */
export async function buildAllViews(app, { route, log, files, views, standIns }) {
  app.addLater({ Alerts, Moderation, Recounts, Lookups, Drafts, questions, files: import("../app/files.js") });
  followHands();
  followVisualViewport();
  const shell = mountShell(app, { route });
  shell.talk = mountTalk(app, elements(), { shell, log, files });
  standIns.abort();
  for (const view of [shell.talk, shell]) {
    view.render(app.state);
    views.add(view);
    await pause();
  }
}

const pause = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

/** The elements of the talk. */
function elements() {
  const byId = (id) => document.getElementById(id);
  return {
    room: byId("room"), top: byId("talk-top"), chat: byId("chat"), bottom: byId("talk-bottom"), composer: byId("composer"), input: byId("msg"),
    send: byId("send"), tools: byId("composer-tools"), jump: byId("jump"), empty: byId("empty"), failed: byId("failed"),
  };
}
