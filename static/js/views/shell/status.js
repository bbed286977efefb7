/**
 * Status of the connection: a word in the room's head, and a banner when there is no connection for longer than a
 * moment.
 */
import { laterTexts } from "../../core/later-texts.js";
import { modTexts } from "../../core/moderation-texts.js";
import { texts } from "../../core/texts.js";

const BLOCKED_AFTER = 3; // so many sockets in a row did not open: is it the network, or a proxy that lets none through?
const COUNTDOWN_STEP_MS = 1_000;
const WORDS = { online: laterTexts.online, connecting: laterTexts.connecting, waiting: laterTexts.offline, refused: laterTexts.offline, knocking: modTexts.serverKnockedWord };

export class ConnectionStatus {
  #status;
  #banner;
  #message;
  #countdown;
  #button;
  #retryAt = null;
  #timer = null;
  #shown = null;
  #lost = null;
  #wasOnline = false;
  #isBlocked = false;

  /** @param {HTMLElement} status the word @param {HTMLElement} banner @param {{onTryNow(): void}} handlers */
  constructor(status, banner, { onTryNow }) {
    this.#status = status;
    this.#banner = banner;
    this.#message = banner.querySelector(".banner-message");
    this.#countdown = banner.querySelector(".banner-countdown");
    this.#button = banner.querySelector("button");
    this.#button.addEventListener("click", onTryNow);
  }

  /** Show this state. */
  render({ connection, lost }) {
    if (connection === this.#shown && lost === this.#lost) return;
    this.#shown = connection;
    this.#lost = lost;
    const { phase, retryAt, reason, isSentence } = connection;
    this.#status.dataset.phase = phase;
    this.#status.textContent = WORDS[phase];
    // The first connecting has its own look in the log. Between two tries the banner stays, so that it does not blink.
    if (phase === "online") {
      this.#wasOnline = true;
      this.#isBlocked = false;
    }
    const isFirst = phase === "connecting" && !this.#wasOnline && this.#banner.hidden;
    this.#banner.hidden = (phase === "online" || isFirst) && lost === null;
    this.#button.textContent = lost ? laterTexts.lostChoose : texts.tryNow;
    this.#button.hidden = phase === "knocking" && lost === null; // it goes on by itself
    this.#banner.dataset.phase = phase;
    if (lost) this.#message.textContent = laterTexts.lostBanner[lost.why];
    else if (phase === "knocking") this.#message.textContent = modTexts.serverKnocked;
    else if (phase === "refused" || reason) this.#message.textContent = isSentence ? reason : laterTexts.bannerRefused(reason);
    else if (!this.#banner.hidden) this.#showWaiting(connection);
    this.#retryAt = retryAt;
    clearInterval(this.#timer);
    if (retryAt !== null) this.#timer = setInterval(() => this.#count(), COUNTDOWN_STEP_MS);
    this.#count();
  }

  async #showWaiting(connection) {
    const show = () => {
      this.#message.textContent = this.#isBlocked ? laterTexts.bannerBlocked : laterTexts.bannerWaiting;
    };
    show();
    if (!(connection.unopened >= BLOCKED_AFTER)) return;
    this.#isBlocked = await fetch("healthz", { cache: "no-store" }).then(({ ok }) => ok, () => false);
    if (this.#shown === connection && !this.#lost) show();
  }

  #count() {
    if (this.#lost) {
      this.#countdown.textContent = "";
      return;
    }
    const isConnecting = this.#shown.phase === "connecting";
    const seconds = this.#retryAt === null ? 0 : Math.max(1, Math.ceil((this.#retryAt - Date.now()) / 1000));
    this.#countdown.textContent = isConnecting ? laterTexts.connecting : seconds ? laterTexts.bannerRetryIn(seconds) : "";
  }
}
