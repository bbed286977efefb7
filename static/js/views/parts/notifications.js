/**
 * Notifications of a new message: a badge on the page's icon, a sound, a notification of the browser. That says what the
 * message says now, and goes when the message is gone or was read, here or elsewhere.
 */
import { avatarOf } from "../../core/around.js";
import { laterTexts } from "../../core/later-texts.js";
import { titleOf } from "../../core/select.js";
import { pictureAddress } from "./avatar.js";
import { isWanted } from "./preferences.js";

const ICON = new URL("../../../favicon.svg", import.meta.url).href;
const SIZE = 64;
const NOTES = [[660, 0], [880, 0.09]]; // Hz, and seconds from the beginning: two soft notes upwards
const NOTE_S = 0.22;
const LOUDNESS = 0.12;

/** Alert of a message, in the ways that are switched on. */
export function announce(app, { message, room, sound, notification }, onOpen) {
  if (sound && isWanted("sound")) chime();
  if (notification && isWanted("notifications")) notify(app, room, message.seq, onOpen);
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

const open = new Map(); // room -> {seq, facts, notification}: a newer one of a room takes the place of an older one
let stop = null; // following the state

function notify(app, room, seq, onOpen) {
  if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
  open.set(room, { seq, facts: null, notification: open.get(room)?.notification });
  refresh(app, onOpen);
  if (stop) return;
  stop = app.subscribe(() => refresh(app, onOpen));
  addEventListener("pagehide", () => open.forEach(({ notification }) => notification?.close()));
}

/** Bring all that are open up to date. */
function refresh(app, onOpen) {
  for (const [room, shown] of open) {
    const now = contentOf(app, room, shown.seq);
    if (now === undefined) continue;
    const facts = JSON.stringify(now);
    if (facts === shown.facts) continue;
    if (now === null) {
      open.delete(room);
      shown.notification?.close();
    } else {
      shown.facts = facts;
      shown.notification = show(app, room, shown.seq, now, onOpen);
    }
  }
}

/** What it says: null if it is to go, undefined if that is not known at the moment. */
function contentOf(app, name, seq) {
  const { state } = app;
  const room = state.rooms.get(name);
  const { message, isShown, who, line } = app.copyAt(name, seq);
  if (room && message === undefined) return undefined;
  if (!isShown || room.read >= seq) return null;
  const title = room.kind === "direct" ? who : laterTexts.shellNotificationTitle(who, titleOf(state, room));
  return { title, body: line, picture: avatarOf(state, room).picture };
}

function show(app, room, seq, { title, body, picture }, onOpen) {
  try {
    const notification = new Notification(title, {
      body,
      icon: picture ? pictureAddress(picture, 96) : ICON,
      tag: `trio-chat ${room}`, // and so of all tabs
      silent: true, // the page has a sound of its own
    });
    notification.onclick = () => {
      window.focus();
      onOpen(room, seq);
      notification.close();
    };
    // Who has closed it does not want to see it again when its message is edited.
    notification.onclose = () => open.get(room)?.notification === notification && open.delete(room);
    return notification;
  } catch {
    return null; // Android's Chrome shows notifications for installed pages only
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
