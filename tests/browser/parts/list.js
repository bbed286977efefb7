// A long list as the page would show it, for the tests of the windowed list.
import { WindowList } from "/static/js/views/parts/window-list.js";

const { show } = window.parts;
const chat = document.getElementById("chat");
const TEXTS = [
  "Morning! Did everybody get the new timetable?",
  "Yes",
  "👍",
  "The hall is ours from six on *Thursday* 🎉 https://example.org/parts?list=42",
  "Then let us meet at the back door. It is the one with the green sign, next to the bicycle stands. ".repeat(3),
  "- one thing\n- another\n> quoted\nand an answer, @Ada",
  "```\nx = 1\ny = 2\n```",
  "مرحبا جميعا! سأصل متأخرة قليلا",
];

export const items = (from, to) =>
  Array.from({ length: to - from }, (_, index) => ({ kind: "message", key: String(from + index), number: from + index }));

function create({ number }) {
  const element = show(`${TEXTS[((number % 8) + 8) % 8]} ${number}`, { colour: ((number % 12) + 12) % 12, isOwn: number % 5 === 0 });
  element.dataset.number = number;
  return element;
}

const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

window.log = {
  items,
  asked: { top: 0, end: 0 },
  list: new WindowList(chat, () => ({ create, update: () => {} }), {
    onMoved: () => {},
    onNearTop: () => (window.log.asked.top += 1),
    onNearEnd: () => (window.log.asked.end += 1),
  }),
  frame,
  /** The first message in view and where it stands. */
  seen() {
    const { top } = chat.getBoundingClientRect();
    const element = [...chat.children].find((each) => each.getBoundingClientRect().bottom > top);
    return { number: Number(element.dataset.number), top: element.getBoundingClientRect().top };
  },
  async scroll(frames, step) {
    for (let index = 0; index < frames; index += 1) {
      chat.scrollTop += step;
      await new Promise(requestAnimationFrame);
    }
    await frame();
  },
};
