/**
 * Lightbox: pictures and videos over the whole page. Arrows, a swipe and the buttons lead to the next, pinching, the wheel, a
 * double tap, + and - make it larger; Escape, Back and a pull down close it. It shows what the messages have now.
 */
import { albumTexts } from "../../core/album-texts.js";
import { addressOf, downloadOf, sourcesOf } from "../../core/file-facts.js";
import { kindOf } from "../../core/files.js";
import { laterTexts } from "../../core/later-texts.js";
import { fileAt } from "../../core/pictures.js";
import { clock, dayLabel } from "../../core/time.js";
import { iconButton, isRightToLeft, make, onKeydown } from "../parts/dom.js";
import { needStyles } from "../parts/forms.js";
import { openLayer } from "../parts/layers.js";
import { saveFile } from "../parts/save-file.js";
import { followTouch } from "../parts/touch.js";
import { ZoomBox } from "../parts/zoom-box.js";

const SWIPE_PX = 60;
const PULL_PX = 110;
const STEP = 1.5;

/**
 * @param {object} shell @param {string} room @param {import("../../core/pictures.js").Place} place what is shown first
 * @param {{places(state: object): import("../../core/pictures.js").Place[], more(): void}} source all there are, oldest first; more: one
 *   has come to the oldest
 */
export async function openLightbox(shell, room, place, source) {
  await needStyles("album");
  return new Lightbox(shell, room, place, source);
}

class Lightbox {
  #shell;
  #room;
  #source;
  #place;
  #places = [];
  #shown = null; // the file on the screen
  #dialog = make("dialog", "lightbox");
  #stage = make("div", "stage");
  #who = make("bdi", "lightbox-who");
  #when = make("span", "lightbox-when");
  #text = make("div", "lightbox-text");
  #count = make("span", "lightbox-count");
  #before;
  #after;
  #zoom = new ZoomBox(this.#stage);
  #drag = { x: 0, y: 0 };
  #end;

  constructor(shell, room, place, source) {
    this.#shell = shell;
    this.#room = room;
    this.#place = place;
    this.#source = source;
    const { app } = shell;
    const act = (name, label, onPress, className) => iconButton(name, label, onPress, className);
    this.#before = act("back", albumTexts.previous, () => this.#step(-1), "lightbox-step before");
    this.#after = act("back", albumTexts.next, () => this.#step(1), "lightbox-step after");
    const head = make("header", "lightbox-head", make("div", "lightbox-about", this.#who, this.#when), this.#count,
      act("save", albumTexts.saveShort, () => this.#save()),
      act("message", albumTexts.toMessage, () => this.#jump()),
      act("close", laterTexts.close, () => this.close()));
    this.#stage.tabIndex = 0;
    this.#stage.setAttribute("role", "group");
    this.#text.dir = "auto";
    this.#count.setAttribute("aria-live", "polite");
    this.#dialog.setAttribute("aria-label", albumTexts.fullScreen);
    this.#dialog.append(head, this.#stage, this.#before, this.#after, this.#text);
    const closed = openLayer(this.#dialog, { close: () => this.close() });
    const letGo = followTouch(this.#stage, { onFingers: (...moved) => this.#onFingers(...moved) });
    const stop = app.subscribe((state) => this.#render(state));
    this.#end = () => {
      stop();
      letGo();
      closed(() => {
        this.#dialog.close();
        this.#dialog.remove();
      });
    };
    onKeydown(this.#dialog, (event) => this.#onKey(event));
    this.#stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#zoom.by(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 200), event);
    }, { passive: false });
    this.#dialog.addEventListener("close", () => this.close());
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#stage.focus({ preventScroll: true, focusVisible: false });
    this.#render(app.state);
  }

  close() {
    this.#end?.();
    this.#end = null;
  }

  get #index() {
    return this.#places.findIndex(({ seq, n }) => seq === this.#place.seq && n === this.#place.n);
  }

  /** Show what the message has now; when it is gone, the next one. */
  #render(state) {
    if (!this.#end) return;
    const index = this.#index;
    this.#places = this.#source.places(state);
    const now = fileAt(state, this.#room, this.#place);
    if (!now) {
      const next = this.#places[Math.min(Math.max(index, 0), this.#places.length - 1)];
      this.#shell.toast(laterTexts.talkGone);
      if (!next) return this.close();
      this.#place = next;
      return this.#render(state);
    }
    const { message, who, file } = now;
    this.#who.textContent = who;
    this.#when.textContent = `${dayLabel(message.atMs)} ${clock(message.atMs)}`;
    const text = [...new Set([message.text, file.alt])].filter(Boolean).join("\n");
    if (this.#text.textContent !== text) this.#text.textContent = text;
    const place = this.#index;
    const count = this.#places.length;
    const position = count > 1 && place >= 0 ? laterTexts.talkOf(place + 1, count) : "";
    if (this.#count.textContent !== position) this.#count.textContent = position;
    this.#before.hidden = place <= 0;
    this.#after.hidden = place < 0 || place >= count - 1;
    if (place === 0) this.#source.more();
    const same = this.#shown?.seq === message.seq && this.#shown.file.n === file.n;
    if (!same) this.#show(message, file);
  }

  #show(message, file) {
    const item = { room: this.#room, seq: message.seq };
    this.#shown = { seq: message.seq, file };
    const isVideo = kindOf(file) === "video";
    const label = isVideo ? albumTexts.video(file.name) : albumTexts.photo(file.alt);
    this.#stage.setAttribute("aria-label", label);
    this.#dialog.classList.toggle("film", isVideo);
    this.#zoom.show(isVideo ? film(item, file) : picture(item, file), isVideo ? null : file, () => addressOf(item, file));
    for (const step of [1, -1]) this.#prepare(this.#places[this.#index + step]);
  }

  /** Have the next one when it is asked for. */
  #prepare(place) {
    const now = place && fileAt(this.#shell.app.state, this.#room, place);
    const sources = now && sourcesOf({ room: this.#room, seq: place.seq }, now.file);
    if (sources) new Image().src = sources.src;
  }

  /** @returns {boolean} whether there is one */
  #step(by) {
    const next = this.#places[this.#index + by];
    if (!next) return false;
    this.#place = next;
    this.#render(this.#shell.app.state);
    return true;
  }

  #save() {
    const { seq, file } = this.#shown;
    saveFile(downloadOf({ room: this.#room, seq }, file), file.name);
  }

  #jump() {
    const { seq } = this.#shown;
    this.close();
    this.#shell.jump(this.#room, seq);
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.localName === "video") return;
    const forward = isRightToLeft(this.#dialog) ? -1 : 1;
    const does = {
      ArrowRight: () => this.#step(forward),
      ArrowLeft: () => this.#step(-forward),
      "+": () => this.#zoom.by(STEP),
      "=": () => this.#zoom.by(STEP),
      "-": () => this.#zoom.by(1 / STEP),
      0: () => this.#zoom.fit(),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  #onFingers(change, isTap, at) {
    if (change === null) return isTap ? this.#tapped(at) : this.#lifted();
    if (change.factor !== 1) this.#zoom.by(change.factor, { clientX: change.x, clientY: change.y });
    if (this.#zoom.isLarger) return this.#zoom.move(change.dx, change.dy);
    this.#drag = { x: this.#drag.x + change.dx, y: this.#drag.y + change.dy };
    const isSideways = Math.abs(this.#drag.x) > Math.abs(this.#drag.y);
    this.#zoom.pull(isSideways ? { x: this.#drag.x, y: 0 } : { x: 0, y: Math.max(0, this.#drag.y) });
  }

  #lifted() {
    const { x, y } = this.#drag;
    this.#drag = { x: 0, y: 0 };
    this.#zoom.pull(this.#drag);
    if (this.#zoom.isLarger) return;
    const isForward = (x < 0) !== isRightToLeft(this.#dialog);
    if (Math.abs(x) > Math.abs(y) && Math.abs(x) > SWIPE_PX) this.#step(isForward ? 1 : -1);
    else if (y > PULL_PX && y > Math.abs(x)) this.close();
  }

  #tapped(at) {
    this.#drag = { x: 0, y: 0 };
    this.#zoom.pull(this.#drag);
    this.#zoom.tapped(at);
  }
}

function picture(item, file) {
  const sources = sourcesOf(item, file);
  const isStill = file.isAnimated && matchMedia("(prefers-reduced-motion: reduce)").matches;
  const image = make("img");
  Object.assign(image, { alt: file.alt, draggable: false, src: file.isAnimated && !isStill ? addressOf(item, file) : sources.src });
  return image;
}

function film(item, file) {
  const video = make("video");
  const poster = sourcesOf(item, file)?.src ?? "";
  Object.assign(video, { src: addressOf(item, file), controls: true, playsInline: true, autoplay: true, poster });
  video.setAttribute("aria-label", albumTexts.video(file.name));
  return video;
}
