/**
 * Opens what the address asks for: a room, a message in it, an invitation, linking this device to another one, or owning the server.
 */
import { parseRoute } from "../parts/address.js";
import { keep, readKept } from "../parts/storage.js";

const ASKED_KEY = "trio-chat.asked"; // as in boot/early-socket.js
const QUESTIONS = {
  join: "openJoin",
  link: "openUseDeviceCode",
  own: "openOwn",
};

export class Routes {
  #shell;
  #due = null;

  /** @param {object} shell @param {object} route of the address with which the page was opened */
  constructor(shell, route) {
    this.#shell = shell;
    const now = parseRoute(location.hash);
    const hasChanged = JSON.stringify(now) !== JSON.stringify(route); // before this was here to hear of it
    const isOpenAlready = Object.keys(route).join() === "room";
    const asked = parseRoute(askedBefore());
    if (hasChanged) this.#go(now);
    else if (!questionOf(route) && questionOf(asked)) this.#go(asked);
    else if (!isOpenAlready) this.#go(route);
    shell.app.subscribe(() => this.#due && this.#go(this.#due));
  }

  /** A link within the page, or the address bar, asks for something. */
  follow(hash) {
    this.#go(parseRoute(hash));
  }

  /** Open it as soon as the list of rooms is there. */
  #go(route) {
    const { app } = this.#shell;
    const isKnown = app.state.isListed && app.state.connection.phase === "online";
    const question = questionOf(route);
    if (question) keepAsked(question, route[question]);
    this.#due = isKnown ? null : route;
    if (!isKnown || Object.keys(route).length === 0) return;
    if (question) this.#ask(question, route[question]);
    else if (route.seq) this.#shell.jump(route.room, route.seq);
    else if (route.room !== app.state.open) this.#shell.open(route.room);
  }

  /** A secret does not stay in the address bar, nor in the history. After a reload it is asked again, until it was answered. */
  async #ask(question, secret) {
    if (questionOf(parseRoute(location.hash))) this.#shell.cleanAddress();
    const { [QUESTIONS[question]]: opens } = await import("../panels/panels.js");
    opens(this.#shell, secret, () => keepAsked(question, null));
  }
}

/** Which of the questions that links ask it is; undefined: none. */
const questionOf = (route) => Object.keys(QUESTIONS).find((question) => route[question]);

const askedBefore = () => readKept("sessionStorage", ASKED_KEY) ?? "";

const keepAsked = (question, secret) =>
  keep("sessionStorage", ASKED_KEY, secret === null ? null : `${question}=${encodeURIComponent(secret)}`);
