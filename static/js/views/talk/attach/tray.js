/**
 * The tray above the field: the files that go along with the message, in their order. The text of the field is their
 * caption. Each room has its own; they are in memory only, and it says so.
 */
import { sizeText } from "../../../core/file-facts.js";
import { fileTexts } from "../../../core/file-texts.js";
import { openRoom } from "../../../core/select.js";
import { writingIn } from "../../../core/permissions.js";
import { until } from "../../../core/time.js";
import { make } from "../../parts/dom.js";
import { needStyles } from "../../parts/forms.js";
import { isTouchScreen } from "../../parts/hands.js";
import { openMenu } from "../../parts/menu.js";
import { makeItem } from "./item.js";
import { stillOf } from "./still.js";

export class Tray {
  #shell;
  #composer;
  #rooms = new Map(); // name -> items: {blob, name, url, still, width, height, alt, asFile, …}
  #room = null;
  #chooser = make("input");
  #list = make("div", "tray-list");
  #about = make("div", "tray-about");
  #problem = make("div", "tray-problem");
  #element;

  /** @param {object} shell @param {import("../composer.js").Composer} composer @param {HTMLElement} bottom where it stands */
  constructor(shell, composer, bottom) {
    needStyles("attach");
    this.#shell = shell;
    this.#composer = composer;
    Object.assign(this.#chooser, { type: "file", id: "file-chooser", multiple: true, hidden: true });
    this.#chooser.setAttribute("aria-label", fileTexts.chosen);
    this.#chooser.addEventListener("change", () => {
      const files = Array.from(this.#chooser.files);
      this.#chooser.value = "";
      this.add(files);
    });
    document.body.append(this.#chooser);
    this.#list.setAttribute("role", "list");
    this.#about.setAttribute("role", "status");
    this.#problem.setAttribute("role", "alert");
    this.#element = make("div", "tray", this.#list, this.#about, this.#problem);
    this.#element.setAttribute("role", "group");
    this.#element.setAttribute("aria-label", fileTexts.chosen);
    this.#element.hidden = true;
    bottom.append(this.#element);
    this.render(shell.app.state);
  }

  /** Show this state. */
  render(state) {
    if (state.open === this.#room) return;
    this.#room = state.open;
    this.#show();
  }

  /** How many there are in the open room. */
  get count() {
    return this.#items.length;
  }

  /** Take them out, to be sent. */
  take() {
    const taken = this.#items;
    this.#rooms.delete(this.#room);
    this.#show();
    return taken.map(({ url, still, blob, ...item }) => {
      if (url) URL.revokeObjectURL(url);
      return { ...item, blob, poster: still?.then((made) => made.blob) ?? item.poster ?? null };
    });
  }

  /** Let the person choose: on a phone from what there is to choose from. */
  choose(at) {
    const problem = this.#whyNot();
    if (problem) return void this.#shell.toast(problem, { isBad: true });
    if (!isTouchScreen()) return this.#open({});
    openMenu({
      label: fileTexts.attach,
      anchor: at,
      items: [
        { label: fileTexts.fromPhotos, icon: "image", onSelect: () => this.#open({ accept: "image/*,video/*" }) },
        { label: fileTexts.fromCamera, icon: "camera", onSelect: () => this.#open({ accept: "image/*", capture: "environment" }) },
        { label: fileTexts.fromFiles, icon: "file", onSelect: () => this.#open({}) },
      ],
    });
  }

  /** Add files, or what was chosen before; what cannot be sent is left out, and it is said why. */
  add(files, folders = 0) {
    const problem = this.#whyNot() ?? (files.length === 0 && folders > 0 ? fileTexts.folder : null);
    if (problem) return void this.#shell.toast(problem, { isBad: true });
    const { fileBytes, files: most } = this.#shell.app.state.limits;
    const problems = folders > 0 ? [fileTexts.folder] : [];
    const tooLarge = files.filter((file) => sizeOf(file) > fileBytes);
    if (tooLarge.length > 0) problems.push(fileTexts.tooLarge(tooLarge.map(({ name }) => name), sizeText(fileBytes)));
    const good = files.filter((file) => !tooLarge.includes(file));
    const room = Math.max(0, most - this.count);
    if (good.length > room) problems.push(fileTexts.tooMany(most));
    const added = good.slice(0, room).map((file) => this.#itemOf(file));
    if (added.length > 0) this.#rooms.set(this.#room, [...this.#items, ...added]);
    this.#show(problems);
    this.#composer.focus();
  }

  get #items() {
    return this.#rooms.get(this.#room) ?? [];
  }

  #open({ accept = "", capture = null }) {
    this.#chooser.accept = accept;
    this.#chooser.multiple = capture === null;
    this.#chooser.toggleAttribute("capture", capture !== null);
    if (capture) this.#chooser.setAttribute("capture", capture);
    this.#chooser.click();
  }

  /** What keeps the person from sending files here at all; null: nothing. */
  #whyNot() {
    const { state } = this.#shell.app;
    const now = Date.now();
    const { newUntil } = state.standing;
    if (!(state.limits.files > 0)) return state.connection.phase === "online" ? fileTexts.none : fileTexts.offlineYet;
    if (newUntil > now) return newUntil === Infinity ? fileTexts.newcomer : fileTexts.newcomerUntil(until(newUntil, now));
    if (!["open", "slow"].includes(writingIn(state, openRoom(state), now).kind)) return fileTexts.notHere;
    return this.#composer.isEditing ? fileTexts.editing : null;
  }

  #itemOf(file) {
    const item = file instanceof Blob ? { blob: file, name: file.name || fileTexts.unnamed, alt: "", asFile: false } : { ...file };
    const kind = item.of || item.voice ? "" : (item.blob.type.split("/")[0] ?? "");
    if (kind === "image") item.url = URL.createObjectURL(item.blob);
    if (kind === "video") {
      item.still = stillOf(item.blob);
      item.still.then(({ blob, width, height }) => {
        Object.assign(item, { width, height });
        if (blob && this.#items.includes(item)) {
          item.url = URL.createObjectURL(blob);
          this.#show();
        }
      });
    }
    return item;
  }

  /** @param {string[]} problems what was wrong with what was added last */
  #show(problems = []) {
    const items = this.#items;
    this.#list.replaceChildren(...items.map((item, index) => makeItem(item, {
      position: index,
      count: items.length,
      onChange: () => this.#show(),
      onMove: (to) => this.#move(index, to),
      onRemove: () => this.#remove(index),
      onFocus: (to) => this.#focus(to),
    })));
    const total = items.reduce((sum, item) => sum + sizeOf(item), 0);
    const { left: filesLeft } = this.#shell.app.files;
    const left = filesLeft < Infinity ? fileTexts.left(sizeText(Math.max(0, filesLeft - total))) : "";
    this.#about.textContent = items.length > 0 ? fileTexts.about(items.length, sizeText(total), left) : "";
    this.#problem.textContent = [...problems, ...(total > filesLeft ? [fileTexts.overQuota(sizeText(filesLeft))] : [])].join(" ");
    this.#element.hidden = items.length === 0 && this.#problem.textContent === "";
    this.#list.hidden = items.length === 0;
    this.#composer.look();
  }

  #move(from, to) {
    const items = [...this.#items];
    if (to < 0 || to >= items.length) return;
    items.splice(to, 0, ...items.splice(from, 1));
    this.#rooms.set(this.#room, items);
    this.#show();
    this.#focus(to);
  }

  #remove(index) {
    const items = [...this.#items];
    const [removed] = items.splice(index, 1);
    if (removed.url) URL.revokeObjectURL(removed.url);
    this.#rooms.set(this.#room, items);
    this.#show();
    if (items.length === 0) this.#composer.focus();
    else this.#focus(Math.min(index, items.length - 1));
  }

  #focus(index) {
    this.#list.children[index]?.firstChild.focus();
  }
}

const sizeOf = ({ size, bytes, blob }) => size ?? blob?.size ?? bytes ?? 0;
