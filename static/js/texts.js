/**
 * Every sentence of the page, in one catalogue. What stands in index.html is filled from here by `fill`:
 * `data-text` names the text of an element, `data-label` its aria-label, `data-placeholder` its placeholder.
 */

const plural = new Intl.PluralRules("en");
const number = new Intl.NumberFormat("en");

export const texts = {
  title: "trio-chat",
  send: "Send",
  composerLabel: "New message",
  messageLabel: "Message",
  messagePlaceholder: "Write a message",
  logLabel: "Messages",
  today: "Today",
  yesterday: "Yesterday",
  you: "You",
  loading: "Loading messages",
  loadingOlder: "Loading older messages",
  emptyTitle: "Say hello",
  emptyText: "Nobody has written here yet. Be the first: whoever opens this address can read it.",

  online: "Online",
  connecting: "Connecting…",
  offline: "Offline",
  bannerWaiting: "No connection. What you write waits here and is sent later.",
  bannerRetryIn: (seconds) => `Next try in ${number.format(seconds)} s`,
  bannerRefused: (reason) => (reason ? `The server ended the connection: ${reason}` : "The server ended the connection."),
  tryNow: "Try now",

  newMessagesMark: "New messages",
  newMessages: (count) =>
    ({ one: "1 new message", other: `${number.format(count)} new messages` })[plural.select(count)],
  toLatest: "Go to the latest message",

  statusWaiting: "Waiting to be sent",
  statusSent: "Sent",
  statusFailed: "Not sent",
  failed: (reason) => `Not sent. ${reason}`,
  tryAgain: "Try again",
  edit: "Edit",
  discard: "Discard",

  nameUnknown: "…",
  nameHint: "Change name",
  nameHintGenerated: "Choose your name",
  youAre: "You are",
  nameTitle: "What should people call you?",
  nameText: "Messages you have already sent keep the name they were sent under.",
  nameLabel: "Your name",
  nameSave: "Save",
  nameCancel: "Cancel",
  nameEmpty: "Write a name first.",
  nameOffline: "There is no connection just now. Try again in a moment.",

  // What the parts say: formatting, commands, emoji, menus, dialogs.
  copy: "Copy",
  copied: "Copied",
  codeLabel: (language) => (language ? `Code, ${language}` : "Code"),
  readMore: "Read more",
  readLess: "Show less",
  close: "Close",

  slashMe: "Say what you are doing",
  slashMeUsage: "/me waves",
  slashShrug: "Add ¯\\_(ツ)_/¯ to your message",
  slashShrugUsage: "/shrug who knows",
  slashNick: "Change your name",
  slashNickUsage: "/nick Ada",
  slashTopic: "Say what this room is about",
  slashTopicUsage: "/topic Lunch at noon",
  slashTitle: "Rename this room",
  slashTitleUsage: "/title Reading club",
  slashInvite: "Invite people into this room",
  slashInviteUsage: "/invite",
  slashSearch: "Search in your rooms",
  slashSearchUsage: "/search lunch",
  slashLeave: "Leave this room",
  slashLeaveUsage: "/leave",
  slashHelp: "Show what you can do here",
  slashHelpUsage: "/help",
  slashUnknown: (name, nearest) =>
    nearest
      ? `There is no command /${name}. Do you mean /${nearest}? To send the text as it is, begin with two slashes.`
      : `There is no command /${name}. Type /help for a list, or begin with two slashes to send the text as it is.`,
  slashNeeds: (usage) => `Something is missing. Write it like this: ${usage}`,

  completionLabel: "Suggestions",
  candidates: (count) => ({ one: "1 suggestion", other: `${number.format(count)} suggestions` })[plural.select(count)],

  emojiTitle: "Emoji",
  emojiSearch: "Search emoji",
  emojiNone: "No emoji has that name. Try another word.",
  emojiLoading: "Loading emoji",
  emojiFailed: "The list of emoji could not be loaded. Close this and try again.",
  emojiFound: (count) => ({ one: "1 emoji", other: `${number.format(count)} emoji` })[plural.select(count)],
  emojiRecent: "Used last",
  emojiGroups: {
    0: "Smileys and feelings",
    1: "People and body",
    3: "Animals and nature",
    4: "Food and drink",
    5: "Travel and places",
    6: "Activities",
    7: "Objects",
    8: "Symbols",
    9: "Flags",
  },
  emojiTone: "Skin tone",
  emojiTones: ["No skin tone", "Light", "Medium-light", "Medium", "Medium-dark", "Dark"],

  qrLabel: (text) => `QR code for ${text}`,
};

/** Write the catalogue's texts into the elements under `root` that ask for them. */
export function fill(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", texts[element.dataset.label]);
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.setAttribute("placeholder", texts[element.dataset.placeholder]);
  }
}
