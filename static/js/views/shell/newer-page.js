/**
 * A page older than its server: it loads itself again when nothing is lost by that and nobody is disturbed, once for each version;
 * else it says so.
 */
import { laterTexts } from "../../core/later-texts.js";
import { texts } from "../../core/texts.js";
import { keep, readKept } from "../parts/storage.js";

const OWN = /\/static\/([0-9a-f]{16})\//.exec(import.meta.url)?.[1] ?? null; // null: the modules as they stand in the repository
const RELOADED_KEY = "trio-chat.reloaded"; // for which version
const FIRST_LOOK_MS = 10_000; // not all pages at once after a restart of the server
const LOOK_MS = 5_000;
const STILL_MS = 15_000; // so long nothing was pressed
const SAID_AFTER_MS = 30_000;

export class NewerPage {
  #app;
  #toast;
  #reload;
  #wanted = null;
  #pressedAt = Date.now();
  #since = 0;
  #isSaid = false;

  /** @param {object} shell @param {() => void} reload */
  constructor({ app, toast }, reload = () => location.reload()) {
    this.#app = app;
    this.#toast = toast;
    this.#reload = reload;
    for (const event of ["keydown", "pointerdown", "input", "wheel"]) {
      addEventListener(event, () => (this.#pressedAt = Date.now()), { capture: true, passive: true });
    }
  }

  /** Show this state. */
  render({ pageVersion }) {
    if (OWN === null || !pageVersion || pageVersion === OWN || pageVersion === this.#wanted) return;
    const isFirst = this.#wanted === null;
    this.#wanted = pageVersion;
    this.#since = Date.now();
    this.#isSaid = false;
    if (isFirst) setTimeout(() => this.#look(), Math.random() * FIRST_LOOK_MS);
  }

  #look() {
    if (this.#app.state.pageVersion === OWN) return void (this.#wanted = null); // the server went back to ours
    if (this.#isDisturbed() || !this.#mayReload()) {
      if (!this.#isSaid && Date.now() - this.#since > SAID_AFTER_MS) this.#say();
      setTimeout(() => this.#look(), LOOK_MS);
    } else this.#reload();
  }

  /** Whether a reload now would take something away, or be in the way. */
  #isDisturbed() {
    const isStill = document.hidden || Date.now() - this.#pressedAt > STILL_MS;
    const fields = Array.from(document.querySelectorAll("input, textarea")).filter(({ form }) => form?.id !== "composer");
    const isFilled = fields.some((field) => field.value !== "" && !["checkbox", "radio", "range"].includes(field.type));
    const isBusy = document.querySelector("dialog[open], [role=menu], #side:not([hidden]), .composer-bar:not([hidden]), .tray:not([hidden])") !== null;
    const { connection, view } = this.#app.state;
    const isReading = !document.hidden && !view.isAtBottom;
    return !isStill || isFilled || isBusy || isReading || connection.phase !== "online" || !this.#app.isKept;
  }

  /** Whether this was not tried yet: a proxy may go on giving out the old page. */
  #mayReload() {
    if (readKept("sessionStorage", RELOADED_KEY) === this.#wanted) return false;
    keep("sessionStorage", RELOADED_KEY, this.#wanted);
    return readKept("sessionStorage", RELOADED_KEY) === this.#wanted; // else it could not be known afterwards
  }

  #say() {
    this.#isSaid = true;
    this.#toast(laterTexts.pageOld, { action: { label: texts.shellReload, onPress: this.#reload } });
  }
}
