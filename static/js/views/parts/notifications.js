/**
 * Notifications of a new message: a badge on the page's icon, a sound, a notification of the browser.
 */
import { plainLine } from "../../core/format.js";
import { laterTexts } from "../../core/later-texts.js";
import { person, titleOf } from "../../core/select.js";
import { isWanted } from "./preferences.js";

const ICON = new URL("../../../favicon.svg", import.meta.url).href;
const SIZE = 64;
const TEXT_LENGTH = 200;
const NOTES = [[660, 0], [880, 0.09]]; // Hz, and seconds from the beginning: two soft notes upwards
const NOTE_S = 0.22;
const LOUDNESS = 0.12;

/** Alert of a message, in the ways that are switched on. */
export function announce(app, { message, room, sound, notification }, onOpen) {
  if (sound && isWanted("sound")) chime();
  if (notification && isWanted("notifications")) notify(app, message, room, onOpen);
}

/** The sound; also played when it is switched on. */
export function chime() {
  const context = new AudioContext();
  const start = context.currentTime + 0.02;
  for (const [frequency, after] of NOTES) {
    const tone = new OscillatorNode(context, { type: "sine", frequency });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, start + after);
    volume.gain.linearRampToValueAtTime(LOUDNESS, start + after + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + after + NOTE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(start + after);
    tone.stop(start + after + NOTE_S);
    tone.onended = () => after > 0 && context.close();
  }
}

function notify(app, message, name, onOpen) {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const { state } = app;
  const room = state.rooms.get(name);
  const who = person(state, message.from, message.name).name;
  const isDirect = room?.kind === "direct";
  try {
    const shown = new Notification(isDirect || !room ? who : laterTexts.shellNotificationTitle(who, titleOf(state, room)), {
      body: plainLine(message.text.slice(0, TEXT_LENGTH)),
      icon: ICON,
      tag: `trio-chat ${name}`, // a newer one of a room takes the place of an older one
      silent: true, // the page has a sound of its own
    });
    shown.onclick = () => {
      window.focus();
      onOpen(name, message.seq);
      shown.close();
    };
  } catch {
    // Android's Chrome shows notifications for installed pages only.
  }
}

/** A number on the page's icon; none: the icon as it is. */
export async function showOnIcon(count) {
  const link = document.querySelector('link[rel="icon"]');
  if (count === 0) {
    link.href = ICON;
    return;
  }
  const image = new Image(SIZE, SIZE);
  image.src = ICON;
  await image.decode().catch(() => {});
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0, SIZE, SIZE);
  pen.fillStyle = "#d6244e";
  pen.beginPath();
  pen.arc(44, 44, 20, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = "#ffffff";
  pen.font = "bold 28px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(count > 9 ? "9+" : String(count), 44, 46);
  link.href = canvas.toDataURL("image/png");
}
