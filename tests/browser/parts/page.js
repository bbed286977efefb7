// Hands the parts to the tests, and shows messages as the page would.
import * as core from "/static/js/core/mentions.js";
import * as slash from "/static/js/core/slash.js";
import * as audioPlayer from "/static/js/views/parts/audio-player.js";
import * as avatar from "/static/js/views/parts/avatar.js";
import * as completion from "/static/js/views/parts/completion.js";
import * as dialog from "/static/js/views/parts/dialog.js";
import * as dom from "/static/js/views/parts/dom.js";
import * as emojiPicker from "/static/js/views/parts/emoji-picker.js";
import * as menu from "/static/js/views/parts/menu.js";
import * as qr from "/static/js/views/parts/qr.js";
import * as richText from "/static/js/views/parts/rich-text.js";
import * as tabs from "/static/js/views/parts/tabs.js";
import * as toast from "/static/js/views/parts/toast.js";
import * as touch from "/static/js/views/parts/touch.js";

function show(text, { name = "Ada", id = "p-1", colour = 3, isOwn = false, ...options } = {}) {
  const { nodes, isAction, bigEmoji, isLong } = richText.richText(text, options);
  const shown = dom.make("span", isAction ? "text action" : "text", ...nodes);
  if (bigEmoji) shown.dataset.emoji = bigEmoji;
  const author = dom.make("bdi", "author", isOwn ? "You" : name);
  const bubble = dom.make("span", "bubble", author, " ", shown);
  bubble.dir = "auto";
  if (isLong) bubble.append(richText.fold(shown));
  const message = dom.make("p", isOwn ? "message own" : "message", avatar.makeAvatar({ id, name, colour }), bubble);
  message.dataset.colour = colour;
  if (isOwn) message.firstChild.remove();
  document.getElementById("chat").append(message);
  return message;
}

/** A message that is a sound. */
function showSound(about, { isOwn = false, ...options } = {}) {
  const message = show("", { isOwn, ...options });
  message.querySelector(".text").replaceWith(audioPlayer.makeAudioPlayer(about));
  return message;
}

/** So many seconds of a tone that grows, as a browser's recorder writes it. */
async function recordTone(mimeType, seconds) {
  const context = new AudioContext();
  await context.resume();
  const volume = context.createGain();
  const tone = context.createOscillator();
  const to = context.createMediaStreamDestination();
  tone.connect(volume).connect(to);
  volume.gain.setValueAtTime(0, context.currentTime);
  volume.gain.linearRampToValueAtTime(0.5, context.currentTime + seconds);
  tone.start();
  const recorder = new MediaRecorder(to.stream, { mimeType, audioBitsPerSecond: 24_000 });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.stop();
  await stopped;
  await context.close();
  return new Blob(pieces, { type: mimeType });
}

const PEAKS = btoa(String.fromCharCode(...Array.from({ length: 64 }, (_, index) => 60 + Math.round(195 * Math.abs(Math.sin(index / 3))))));

document.getElementById("composer").addEventListener("submit", (event) => event.preventDefault());
window.parts = { show, showSound, recordTone, PEAKS, ...core, ...slash, ...audioPlayer, ...avatar, ...completion, ...dialog, ...dom, ...emojiPicker, ...menu, ...qr, ...richText, ...tabs, ...toast, ...touch };
document.documentElement.dataset.ready = "";
