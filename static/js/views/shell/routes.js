/**
 * Opens what the address asks for: a room, a message in it, an invitation, linking this device to another one, or owning the server.
 */
import { parseRoute } from "../parts/address.js";

export class Routes {
  #shell;
  #due = null;

  /** @param {object} shell @param {object} route of the address with which the page was opened */
  constructor(shell, route) {
    this.#shell = shell;
    const now = parseRoute(location.hash);
    const hasChanged = JSON.stringify(now) !== JSON.stringify(route); // before this was here to hear of it
    const isOpenAlready = Object.keys(route).join() === "room";
    if (hasChanged) this.#go(now);
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
    this.#due = isKnown ? null : route;
    if (!isKnown || Object.keys(route).length === 0) return;
    if (route.join) this.#ask(async () => (await import("../panels/join.js")).openJoin, route.join);
    else if (route.link) this.#ask(async () => (await import("../panels/use-device-code.js")).openUseDeviceCode, route.link);
    else if (route.own) this.#ask(async () => (await import("../panels/own.js")).openOwn, route.own);
    else if (route.seq) this.#shell.jump(route.room, route.seq);
    else if (route.room !== app.state.open) this.#shell.open(route.room);
  }

  /** A secret does not stay in the address bar, nor in the history. */
  async #ask(load, secret) {
    this.#shell.cleanAddress();
    const opens = await load();
    opens(this.#shell, secret);
  }
}
