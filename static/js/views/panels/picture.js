/**
 * Pictures of people and rooms: a file is chosen, and the square of it that is to be seen: dragged by fingers or a mouse, moved by
 * the arrow keys, made larger by a slider, the wheel, two fingers, + and -.
 */
import { laterTexts } from "../../core/later-texts.js";
import { openDialog } from "../parts/dialog.js";
import { button, make, onKeydown } from "../parts/dom.js";
import { form } from "../parts/forms.js";
import { followTouch } from "../parts/touch.js";

const SIDE_PX = 640; // the server keeps no more
const LARGEST = 5;
const STEP = 0.04; // of what is seen
const STEP_LARGER = 1.15;

/**
 * Buttons to choose a picture, and to take it away.
 * @param {{className?: string, isSeal?: boolean, set(picture: Blob|null): Promise<object>, onAnswer(answer: object): void}} options
 *   set: asks the server; onAnswer: is told its answer, or what is wrong with the file
 * @returns {{elements: HTMLElement[], show(hasPicture: boolean): void}}
 */
export function pictureButtons({ className = "", isSeal = false, set, onAnswer }) {
  const file = make("input");
  Object.assign(file, { type: "file", accept: "image/*", hidden: true });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    const image = await createImageBitmap(chosen).catch(() => null);
    if (image) openCrop(image, { isSeal, set, onAnswer });
    else onAnswer({ ok: false, message: laterTexts.shellPictureBad });
  });
  const choose = button(className, laterTexts.shellPictureChoose, () => file.click());
  const remove = button(`${className} danger-text`, laterTexts.shellPictureRemove, async () => onAnswer(await set(null)));
  return { elements: [choose, remove, file], show: (hasPicture) => (remove.hidden = !hasPicture) };
}

function openCrop(image, { isSeal, set, onAnswer }) {
  const crop = new Crop(image, isSeal);
  const save = async () => {
    const answer = await set(await crop.blob());
    if (!answer.ok) return answer.message;
    dialog.close();
    onAnswer(answer);
    return null;
  };
  const dialog = openDialog({
    title: laterTexts.shellPictureCrop,
    className: "small",
    content: [form(crop.elements, { label: laterTexts.shellSave, onSubmit: save })],
    onClose: () => crop.end(),
  });
}

class Crop {
  #image;
  #canvas = make("canvas");
  #size = make("input", "crop-size");
  #scale = 1;
  #x = 0; // of the middle of what is seen, from that of the picture, in px of that
  #y = 0;
  #letGo;

  constructor(image, isSeal) {
    this.#image = image;
    const stage = make("div", isSeal ? "crop seal" : "crop", this.#canvas);
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", laterTexts.shellPictureMove);
    Object.assign(this.#size, { type: "range", min: 1, max: LARGEST, step: 0.01 });
    this.#size.setAttribute("aria-label", laterTexts.shellPictureSize);
    this.#size.addEventListener("input", () => this.#zoom(Number(this.#size.value)));
    this.#letGo = followTouch(stage, { onFingers: (change) => change && this.#fingers(change) });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#zoom(this.#scale * Math.exp(-event.deltaY / 400));
    }, { passive: false });
    onKeydown(stage, (event) => {
      const does = {
        ArrowLeft: () => this.#move(-STEP, 0), ArrowRight: () => this.#move(STEP, 0), ArrowUp: () => this.#move(0, -STEP), ArrowDown: () => this.#move(0, STEP),
        "+": () => this.#zoom(this.#scale * STEP_LARGER), "-": () => this.#zoom(this.#scale / STEP_LARGER),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      does();
    });
    this.elements = [stage, this.#size];
    this.#draw();
  }

  end() {
    this.#letGo();
    this.#image.close();
  }

  /** What is seen, as a JPEG. @returns {Promise<Blob>} */
  blob() {
    return new Promise((resolve) => this.#canvas.toBlob(resolve, "image/jpeg", 0.92));
  }

  /** The side of what is seen, in px of the picture. */
  get #side() {
    return Math.min(this.#image.width, this.#image.height) / this.#scale;
  }

  #fingers({ dx, dy, factor }) {
    const { clientWidth } = this.#canvas;
    this.#move(-dx / clientWidth, -dy / clientWidth);
    if (factor !== 1) this.#zoom(this.#scale * factor);
  }

  /** By a share of what is seen. */
  #move(dx, dy) {
    this.#x += dx * this.#side;
    this.#y += dy * this.#side;
    this.#draw();
  }

  #zoom(scale) {
    this.#scale = Math.min(LARGEST, Math.max(1, scale));
    this.#draw();
  }

  #draw() {
    const { width, height } = this.#image;
    const side = this.#side;
    const within = (value, length) => Math.min((length - side) / 2, Math.max((side - length) / 2, value));
    this.#x = within(this.#x, width);
    this.#y = within(this.#y, height);
    this.#size.value = this.#scale;
    const drawn = Math.max(1, Math.min(SIDE_PX, Math.round(side)));
    this.#canvas.width = this.#canvas.height = drawn;
    const pen = this.#canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.fillStyle = "#ffffff"; // below what is transparent
    pen.fillRect(0, 0, drawn, drawn);
    pen.drawImage(this.#image, (width - side) / 2 + this.#x, (height - side) / 2 + this.#y, side, side, 0, 0, drawn, drawn);
  }
}
