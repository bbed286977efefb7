// Hands the parts to the tests, and shows messages as the page would.
import * as core from "/static/js/core/mentions.js";
import * as slash from "/static/js/core/slash.js";
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

document.getElementById("composer").addEventListener("submit", (event) => event.preventDefault());
window.parts = { show, ...core, ...slash, ...avatar, ...completion, ...dialog, ...dom, ...emojiPicker, ...menu, ...qr, ...richText, ...tabs, ...toast, ...touch };
document.documentElement.dataset.ready = "";
