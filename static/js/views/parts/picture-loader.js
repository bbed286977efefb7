/**
 * Loading of pictures: they come when the browser may fetch them, and say in their box why they do not come: no connection
 * (then they are tried again by themselves), gone, or something else.
 */
import { albumTexts } from "../../core/album-texts.js";
import { make } from "./dom.js";

const PROBLEMS = { gone: albumTexts.gone, offline: albumTexts.offline, failed: albumTexts.failed };
const waiting = new Set(); // what is shown as soon as the browser may fetch it
let isFollowed = false;

/** Whether the server would tell this browser's pictures from those of a stranger. */
const mayFetch = (state) => state.hasFilesSession !== false && state.connection.phase === "online";

function follow(app) {
  if (isFollowed) return;
  isFollowed = true;
  app.subscribe((state) => {
    if (waiting.size === 0 || !mayFetch(state)) return;
    const all = [...waiting];
    waiting.clear();
    for (const show of all) show();
  });
}

/** @param {HTMLElement} box says what is wrong @returns {{element: HTMLImageElement, show(sources: object): void, retry(): void}} */
export function loadPicture(box, app) {
  follow(app);
  const element = make("img");
  Object.assign(element, { alt: "", decoding: "async", draggable: false });
  let sources = null;
  const say = (state) => {
    if (state === "") delete box.dataset.state;
    else box.dataset.state = state;
    box.dataset.problem = PROBLEMS[state] ?? "";
  };
  const fetchNow = () => {
    if (!sources.src.startsWith("blob:") && !mayFetch(app.state)) {
      if (app.state.connection.phase !== "online" && box.dataset.state !== "loaded") say("offline");
      return void waiting.add(fetchNow);
    }
    say("");
    Object.assign(element, sources);
  };
  element.addEventListener("load", () => say("loaded"));
  element.addEventListener("error", async () => {
    if (app.state.connection.phase !== "online") return void (say("offline"), waiting.add(fetchNow));
    const { src } = element;
    const answer = await fetch(src, { method: "HEAD" }).catch(() => null);
    if (element.src === src) say([403, 404, 410].includes(answer?.status) ? "gone" : "failed");
  });
  return {
    element,
    show(next) {
      sources = next;
      fetchNow();
    },
    retry: () => fetchNow(),
  };
}
