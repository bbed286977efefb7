/**
 * Emoji picker: search, groups, recent ones, skin tones; by finger, mouse and keyboard. The list is loaded when it is
 * first opened.
 */
import { emojiTexts } from "../../core/emoji-texts.js";
import { remember, searchEmoji, unpackEmoji, withTone } from "../../core/emoji.js";
import { openDialog } from "./dialog.js";
import { button, isPhone, isRightToLeft, make, onKeydown } from "./dom.js";
import { isTouchScreen } from "./hands.js";

const LIST = new URL("../../../vendor/emoji.json", import.meta.url);
const GROUP_SIGNS = { 0: "😀", 1: "👋", 3: "🐻", 4: "🍔", 5: "🚗", 6: "⚽", 7: "💡", 8: "💜", 9: "🏁" };
const TONE_SIGNS = ["✋", "✋🏻", "✋🏼", "✋🏽", "✋🏾", "✋🏿"];

let loading = null;

/** @returns {Promise<import("../../core/emoji.js").Emoji[]>} the list; loaded once, tried again after a failure */
export function loadEmoji() {
  loading ??= fetch(LIST)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
    .then(unpackEmoji)
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}

/**
 * @param {object} options
 * @param {Element|{x: number, y: number}} [options.anchor]
 * @param {(emoji: string) => void} options.onPick told when the picker is closed and the focus is back
 * @param {boolean} [options.isForSeveral] it stays open, except on phones, where it covers what one writes
 * @param {string[]} [options.recent] used last @param {number} [options.tone] 0 (none) to 5
 * @param {(choices: {recent: string[], tone: number}) => void} [options.onChoices] what to remember for the next time
 */
export function openEmojiPicker({ anchor, onPick, isForSeveral = false, recent = [], tone = 0, onChoices = () => {} }) {
  const picker = new Picker(recent, tone, onChoices);
  const dialog = openDialog({
    title: emojiTexts.emojiTitle,
    content: [picker.element],
    className: "emoji-sheet",
    isBare: true,
    anchor,
    onClose: (emoji) => emoji && onPick(emoji),
  });
  picker.onPick = (emoji) => {
    if (!isForSeveral || isPhone()) return dialog.close(emoji);
    onPick(emoji);
    dialog.place(); // the field may have grown
  };
}

class Picker {
  onPick = () => {};
  #choices;
  #onChoices;
  #list = [];
  #search = make("input", "emoji-search");
  #groups = make("div", "emoji-groups");
  #shown = make("div", "emoji-shown");
  #found = make("div", "unseen");
  #label = make("div", "emoji-label");
  #tones = make("div", "emoji-tones");

  constructor(recent, tone, onChoices) {
    this.#choices = { recent, tone };
    this.#onChoices = onChoices;
    this.#makeSearch();
    this.#makeGroups();
    this.#makeTones();
    this.#found.setAttribute("role", "status");
    const foot = make("div", "emoji-foot", this.#label, this.#tones);
    this.element = make("div", "emoji-picker", this.#search, this.#groups, this.#shown, this.#found, foot);
    this.element.tabIndex = -1;
    (isTouchScreen() ? this.element : this.#search).autofocus = true;
    this.#watchShown();
    this.#load();
  }

  async #load() {
    this.#shown.replaceChildren(make("div", "emoji-notice", emojiTexts.emojiLoading));
    try {
      this.#list = await loadEmoji();
      this.#show();
    } catch {
      this.#shown.replaceChildren(make("div", "emoji-notice", emojiTexts.emojiFailed));
    }
  }

  #makeSearch() {
    this.#search.type = "search";
    this.#search.autocomplete = "off";
    this.#search.spellcheck = false;
    this.#search.placeholder = emojiTexts.emojiSearch;
    this.#search.setAttribute("aria-label", emojiTexts.emojiSearch);
    this.#search.addEventListener("input", () => this.#show());
    onKeydown(this.#search, (event) => {
      const first = this.#cells()[0];
      if (!first) return;
      if (event.key === "Enter" && this.#search.value.trim()) first.click();
      else if (event.key === "ArrowDown") this.#focus(first);
      else return;
      event.preventDefault();
    });
  }

  #makeGroups() {
    this.#groups.setAttribute("role", "group");
    this.#groups.setAttribute("aria-label", emojiTexts.emojiTitle);
    for (const [group, label] of Object.entries(emojiTexts.emojiGroups)) {
      const element = button("", GROUP_SIGNS[group], () => this.#goTo(group));
      element.setAttribute("aria-label", label);
      element.title = label;
      this.#groups.append(element);
    }
  }

  #makeTones() {
    this.#tones.setAttribute("role", "radiogroup");
    this.#tones.setAttribute("aria-label", emojiTexts.emojiTone);
    const name = "emoji-tone";
    emojiTexts.emojiTones.forEach((label, tone) => {
      const radio = make("input");
      radio.type = "radio";
      radio.name = name;
      radio.checked = tone === this.#choices.tone;
      radio.setAttribute("aria-label", label);
      radio.addEventListener("change", () => {
        this.#choose({ tone });
        this.#show();
      });
      const choice = make("label", "", radio, TONE_SIGNS[tone]);
      choice.title = label;
      this.#tones.append(choice);
    });
  }

  #choose(choices) {
    this.#choices = { ...this.#choices, ...choices };
    this.#onChoices(this.#choices);
  }

  /** Show what is searched for, or everything. */
  #show() {
    const query = this.#search.value.trim();
    if (query) {
      const found = searchEmoji(this.#list, query);
      this.#found.textContent = found.length > 0 ? emojiTexts.emojiFound(found.length) : "";
      this.#shown.replaceChildren(
        found.length > 0 ? this.#section("", found) : make("div", "emoji-notice", emojiTexts.emojiNone),
      );
    } else {
      this.#found.textContent = "";
      this.#shown.replaceChildren(...this.#sections());
    }
    this.#shown.scrollTop = 0;
    const first = this.#cells()[0];
    if (first) first.tabIndex = 0;
  }

  #sections() {
    const known = new Map(this.#list.flatMap((each) => [each.emoji, ...each.skins].map((emoji) => [emoji, each])));
    const recent = this.#choices.recent.filter((emoji) => known.has(emoji));
    const sections = recent.length > 0
      ? [this.#section(emojiTexts.emojiRecent, recent.map((emoji) => ({ ...known.get(emoji), emoji, skins: [] })))]
      : [];
    for (const [group, label] of Object.entries(emojiTexts.emojiGroups)) {
      const section = this.#section(label, this.#list.filter((each) => each.group === Number(group)));
      section.dataset.group = group;
      sections.push(section);
    }
    return sections;
  }

  #section(label, list) {
    const grid = make("div", "emoji-grid", ...list.map((each) => this.#cell(each)));
    const section = make("section", "", ...(label ? [make("h3", "", label)] : []), grid);
    if (label) section.setAttribute("aria-label", label);
    grid.style.setProperty("--count", list.length); // for its size before it is drawn
    return section;
  }

  #cell(each) {
    const emoji = withTone(each, this.#choices.tone);
    const cell = make("button", "", emoji);
    cell.type = "button";
    cell.tabIndex = -1;
    cell.setAttribute("aria-label", each.label);
    return cell;
  }

  /** One listener for all the emoji, of which there are many. */
  #watchShown() {
    const cellOf = (event) => event.target.closest(".emoji-grid button");
    this.#shown.addEventListener("click", (event) => {
      const cell = cellOf(event);
      if (!cell) return;
      this.#choose({ recent: remember(this.#choices.recent, cell.textContent) });
      this.onPick(cell.textContent);
    });
    for (const name of ["pointerover", "focusin"]) {
      this.#shown.addEventListener(name, (event) => {
        this.#label.textContent = cellOf(event)?.getAttribute("aria-label") ?? "";
      });
    }
    onKeydown(this.#shown, (event) => this.#onKey(event));
  }

  #onKey(event) {
    const cells = this.#cells();
    const here = cells.indexOf(document.activeElement);
    if (here < 0) return;
    const forward = isRightToLeft(this.#shown) ? -1 : 1;
    const next = {
      ArrowRight: () => cells[here + forward],
      ArrowLeft: () => cells[here - forward],
      ArrowDown: () => neighbour(cells, here, 1),
      ArrowUp: () => neighbour(cells, here, -1) ?? this.#search,
      Home: () => cells[0],
      End: () => cells.at(-1),
    }[event.key];
    if (next) {
      event.preventDefault();
      this.#focus(next() ?? cells[here]);
    } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.#search.focus(); // and the letter goes there
    }
  }

  #focus(element) {
    if (element !== this.#search) {
      for (const cell of this.#shown.querySelectorAll('[tabindex="0"]')) cell.tabIndex = -1;
      element.tabIndex = 0;
    }
    element.focus();
  }

  #goTo(group) {
    this.#search.value = "";
    this.#show();
    const section = this.#shown.querySelector(`[data-group="${group}"]`);
    section?.scrollIntoView({ block: "start" });
    const first = section?.querySelector("button");
    if (first) for (const cell of this.#cells()) cell.tabIndex = cell === first ? 0 : -1;
  }

  #cells() {
    return [...this.#shown.querySelectorAll(".emoji-grid button")];
  }
}

/** The cell in the next row, as near below or above as there is one. */
function neighbour(cells, here, step) {
  const { left, top } = cells[here].getBoundingClientRect();
  let best;
  let row = null;
  for (let index = here + step; index >= 0 && index < cells.length; index += step) {
    const box = cells[index].getBoundingClientRect();
    if (box.top === top) continue;
    row ??= box.top;
    if (box.top !== row) break;
    if (!best || Math.abs(box.left - left) < best.far) best = { cell: cells[index], far: Math.abs(box.left - left) };
  }
  return best?.cell;
}
