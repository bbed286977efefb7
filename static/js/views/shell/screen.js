/**
 * Screens of a phone, the room list or the room, and the browser's history: Back takes away what was opened last, then leads
 * to the room before (on a phone: to the list), then away from the page. See core/trail.js.
 */
import { isEntry, nextStep } from "../../core/trail.js";
import { pathOf } from "../parts/address.js";
import { isPhone } from "../parts/dom.js";
import { closeModals, closeTopLayer, countLayers, followLayers } from "../parts/layers.js";
import { keep, OPEN_KEY } from "../parts/storage.js";

const TRAVEL_MS = 2_000; // going back takes a moment; no browser says when it will not happen

export class Screen {
  #body;
  #does;
  #entry = null; // where the history is
  #opened = null; // the room that the app has open
  #wanted = { screen: "room", room: null, isSamePlace: true };
  #travelling = null; // the timer of a way back that has not ended
  #arrived = here();
  #path = here();
  #isShowing = false; // on the way to an entry that Back or Forward led to

  /**
   * @param {HTMLElement} body
   * @param {object} does
   * @param {(name: string) => boolean} does.onRoom Back or Forward led to this room; whether it can be opened
   * @param {(hash: string) => void} does.onLink a link within the page, or the address bar, asks for something
   */
  constructor(body, does) {
    this.#body = body;
    this.#does = does;
    this.#entry = isEntry(history.state) ? history.state : null;
    if (this.#entry && isPhone()) this.#show(this.#entry.screen);
    followLayers(() => this.#settle());
    addEventListener("popstate", ({ state }) => this.#onPopState(state));
  }

  /** Show the room. */
  toRoom(name) {
    closeModals();
    this.#show("room");
    if (name !== this.#wanted.room) this.#wanted.isSamePlace = false;
    this.#wanted.room = name;
    this.#settle();
  }

  /** Show the room list; on a desktop it always is there. */
  toList() {
    if (!isPhone()) return;
    this.#show("list");
    this.#settle();
  }

  /** Take what was asked for, a secret perhaps, out of the address bar and the history. */
  cleanAddress() {
    history.replaceState(history.state, "", location.pathname);
    this.#path = here();
    this.#arrived = null;
  }

  /** The app has this room open: after a reload it is opened again. */
  remember(name) {
    if (name === this.#opened) return;
    this.#opened = name;
    keep("sessionStorage", OPEN_KEY, name);
    if (name === this.#wanted.room) return;
    // Not by way of `toRoom`: it is the first one, or the one before is gone.
    this.#wanted.room = name;
    this.#wanted.isSamePlace = true;
    this.#settle();
  }

  #show(screen) {
    this.#wanted.screen = screen;
    this.#body.dataset.screen = screen;
  }

  /** Bring the history in line with the screen. */
  #settle() {
    if (this.#travelling !== null || this.#isShowing || this.#wanted.room === null) return;
    const wanted = { ...this.#wanted, layers: countLayers(), isPhone: isPhone() };
    for (let step = nextStep(this.#entry, wanted); step; step = nextStep(this.#entry, wanted)) {
      if (step.go) {
        this.#travelling = setTimeout(() => this.#giveUp(), TRAVEL_MS);
        history.go(step.go);
        return;
      }
      this.#write(step.push ? "pushState" : "replaceState", step.push ?? step.replace);
    }
    this.#wanted.isSamePlace = false;
  }

  #write(how, entry) {
    this.#entry = entry;
    // What the page was opened with stays in the address bar until something else is opened, or Routes has taken it.
    const path = (entry.room !== null && this.#arrived) || pathOf(entry.room);
    if (entry.room !== null) this.#arrived = null;
    try {
      history[how](entry, "", path);
    } catch {
      // Too often in a short time, Safari says: then Back leads somewhere else once.
    }
    this.#path = here();
  }

  /** There was nothing to go back to. */
  #giveUp() {
    this.#travelling = null;
    this.#write("replaceState", { ...this.#entry, base: this.#entry.index, isOverList: false });
    this.#settle();
  }

  #onPopState(state) {
    const isOurs = this.#travelling !== null;
    clearTimeout(this.#travelling);
    this.#travelling = null;
    if (!isEntry(state)) {
      this.#onLink();
      return;
    }
    const before = this.#entry;
    this.#entry = state;
    this.#path = here();
    if (!isOurs) this.#follow(state, before);
    this.#settle();
  }

  /** Show what is at the entry to which Back or Forward led. */
  #follow(entry, before) {
    this.#isShowing = true;
    const layers = entry.base === before?.base ? entry.index - entry.base : 0;
    while (countLayers() > layers) closeTopLayer();
    this.#show(entry.screen);
    if (entry.room !== null && entry.room !== this.#opened && this.#does.onRoom(entry.room)) this.#wanted.room = entry.room;
    else if (this.#opened !== null) this.#wanted.room = this.#opened;
    this.#wanted.isSamePlace = true;
    this.#isShowing = false;
  }

  /** The browser has made an entry for a link: it goes again, and what the link asks for is opened as all else is. */
  #onLink() {
    const { hash } = location;
    this.#isShowing = true;
    closeModals();
    this.#isShowing = false;
    if (here() === this.#path) {
      this.#write("replaceState", this.#entry); // the same address again makes no entry
    } else {
      history.replaceState(null, "", location.pathname); // Forward leads to nothing, and to no secret
      this.#travelling = setTimeout(() => this.#giveUp(), TRAVEL_MS);
      history.back();
    }
    this.#does.onLink(hash);
    this.#settle();
  }
}

const here = () => location.pathname + location.hash;
