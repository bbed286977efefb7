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

  askOffline: "There is no connection just now. Try again in a moment.",
  askNoMessage: "This message is not there any more.",

  shellRooms: "Rooms",
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
