/**
 * Previews of links, where the server makes them: below the text of a message in view stands what its first link leads to.
 * The server has fetched it, so that nobody who sees a link tells its site anything.
 */
import { make } from "../parts/dom.js";

const AGAIN_MS = [1_000, 2_000, 4_000, 8_000]; // after so long it is asked for again what was not known yet
const NEAR = "300px"; // so far out of view it is asked for, that it is there when one comes

/**
 * @param {import("../../app/app.js").App} app @param {HTMLElement} chat
 * @param {import("./log.js").ChatLog} log
 */
export function showLinkPreviews(app, chat, log) {
  const known = new Map(); // link -> the answer, or a promise of it
  let without = new WeakMap(); // message -> its link, of which there is nothing to show on this connection
  const inView = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => fill(target)),
    { root: chat, rootMargin: `${NEAR} 0px` },
  );

  async function fill(paragraph) {
    inView.unobserve(paragraph);
    const link = firstLink(paragraph);
    const item = log.itemOf(paragraph);
    if (!link || !item?.seq) return;
    const { open: room, outbox } = app.state;
    if (isBeingEdited(outbox, room, item.seq)) return; // the server has the old text
    if (!known.has(link)) known.set(link, ask(app, { room, seq: item.seq, link }));
    const answer = await known.get(link);
    if (!answer.ok) known.delete(link); // the server may have time for it later
    if (!answer.title) without.set(paragraph, link);
    if (!answer.title || firstLink(paragraph) !== link || paragraph.querySelector(".link-preview")) return;
    log.change(() => paragraph.querySelector(".bubble > .meta").before(makeCard(answer, paragraph.querySelector(`.text a[href]`).href)));
  }

  const look = () => {
    if (!app.state.limits.hasPreviews) return;
    for (const paragraph of chat.querySelectorAll("p.message:has(.text a[href])")) {
      const isDone = paragraph.querySelector(".link-preview") || without.get(paragraph) === firstLink(paragraph);
      if (!isDone) inView.observe(paragraph);
    }
  };
  let isDue = false;
  const lookSoon = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      look();
    });
  };
  new MutationObserver(lookSoon).observe(chat, { childList: true, subtree: true });
  app.subscribe(({ connection, outbox, limits }, before) => {
    const isNew = connection.phase !== before.connection.phase || limits !== before.limits;
    if (isNew) without = new WeakMap();
    if (isNew || outbox !== before.outbox) lookSoon();
  });
  look();
}

/** Whether the outbox lays an edit over a message (`overlaid` in core/outbox.js). */
const isBeingEdited = (outbox, at, seq) =>
  outbox.some(({ command, status, room, target }) => command === "edit" && status !== "failed" && room === at && target === seq);

/** The first link of a message, as it is written there. */
const firstLink = (paragraph) => paragraph.querySelector(".text a[href]")?.textContent ?? "";

async function ask(app, what) {
  for (const pauseMs of AGAIN_MS) {
    const answer = await app.preview(what);
    if (!answer.ok || !answer.pending) return answer;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return { ok: false };
}

/** What is of the page in it are labels, shown by the style sheet: the text of a message is what people wrote. */
function makeCard({ title, description = "", site = "", image = "", width = 0, height = 0, alt = "" }, href) {
  const card = make("a", "link-preview");
  const host = new URL(href).host;
  Object.assign(card, { href, target: "_blank", rel: "noopener noreferrer" });
  card.setAttribute("aria-label", [title, site || host, description].filter(Boolean).join(". "));
  if (image) {
    const picture = make("img");
    Object.assign(picture, { src: image, width, height, alt, decoding: "async", draggable: false });
    card.classList.toggle("wide", width >= 1.4 * height);
    card.append(picture);
  }
  const lines = make("span", "link-preview-lines", line("link-preview-site", site || host), line("link-preview-title", title));
  if (description) lines.append(line("link-preview-description", description));
  card.append(lines);
  return card;
}

function line(className, text) {
  const element = make("span", className);
  element.dataset.label = text;
  element.dir = "auto";
  element.setAttribute("aria-hidden", "true");
  return element;
}
