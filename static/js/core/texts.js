/**
 * Every sentence of the first view, in one catalogue. Those of all other views come with them: later-texts.js,
 * moderation-texts.js, emoji-texts.js, help-texts.js. What stands in index.html is filled from here by `fillTexts`: `data-text` names the text of an element, `data-label` its aria-label, `data-placeholder` its placeholder.
 */
import { lazy } from "./lazy.js";
import { timeCode } from "./time-code.js";

const plural = lazy(() => new Intl.PluralRules("en"));
const number = lazy(() => new Intl.NumberFormat("en"));
const list = lazy(() => new Intl.ListFormat("en", { type: "conjunction" }));

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
  tryNow: "Try now",

  newMessagesDivider: "New messages",
  status: { waiting: "Waiting to be sent", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent" },
  tryAgain: "Try again",
  edit: "Edit",
  discard: "Discard",
  sendInParts: "Send in parts",

  youAre: "You are",
  noteUnknown: "Something happened here that only a newer version of this page can show.",
  outboxTooBig: "It is longer than the server takes.",
  outboxHungUp: (why) => `The server ended the connection at it: ${why}`,
  outboxBroke: "Whenever it is sent, the connection breaks or nothing is answered.",
  outboxMalformed: "What the browser kept of it is not in order.",
  askOffline: "There is no connection just now. Try again in a moment.",
  askDiscarded: "It was not sent.",
  askNoMessage: "This message is not there any more.",

  // What the parts say: formatting, commands, emoji, menus, dialogs.
  copy: "Copy",
  copied: "Copied",
  codeLabel: (language) => (language ? `Code, ${language}` : "Code"),
  readMore: "Read more",
  readLess: "Show less",
  // Around the conversation: rooms, people, settings.
  shellRooms: "Rooms",
  shellLobby: "Lobby",
  shellFilter: "Find a room",
  shellNew: "New room or conversation",
  shellHelp: "Help",
  shellSearch: "Search in messages",
  shellInfo: "About this room",
  shellVisiting: "You are only visiting this room.",
  shellNotLoaded: "This could not be loaded: there is no connection, or a newer version of this page.",
  shellReload: "Reload",
  shellEnter: "Join",
  shellYou: "you",
  // In the conversation: messages, what one can do with them, where one writes, search.
  talkDeleted: "This message was deleted",
  talkForwarded: (name) => `Forwarded from ${name}`,
  talkQuote: (who, text) => (who ? `In answer to ${who}: ${text}` : text),
  talkQuoteGone: "This message is not there any more",
  talkQuoteLoading: "…",
  talkEdited: "edited",
  talkPinned: "Pinned",
  talkStarred: "Starred",
  talkReactions: "Reactions",
  talkCount: (count) => number().format(count),
  talkReaction: (emoji, count, names) => `${emoji} ${number().format(count)}: ${names}`,
  talkNames: (names, count) => {
    const shown = names.slice(0, 20);
    const rest = number().format(count - shown.length);
    if (shown.length === 0) return ({ one: "1 person", other: `${rest} people` })[plural().select(count)];
    return count > shown.length ? `${shown.join(", ")} and ${rest} more` : list().format(shown);
  },
  talkNoteCreated: (who, kind) => (kind === "direct" ? `${who} began this conversation` : `${who} created this room`),
  talkNoteTitle: (who, title) => `${who} named this room “${title}”`,
  talkNoteTopic: (who, topic) => `${who} set the topic: ${topic}`,
  talkNotePicture: (who, on) => `${who} ${on ? "changed" : "took away"} the room’s picture`,
  talkNoteNoTopic: (who) => `${who} took the topic away`,
  talkNoteJoined: (who) => `${who} joined`,
  talkNoteLeft: (who) => `${who} left`,
  talkNoteAccepted: (who) => `${who} accepted this conversation`,
  talkNoteAsked: (who, whom) => `${who} asked ${whom} into this conversation again`,
  // Files, as in one line of a message.
  fileSigns: { image: "📷", video: "🎬", visual: "📷", voice: "🎤", audio: "🎵", file: "📎" },
  fileWords: {
    image: (files) => (files.length > 1 ? `${files.length} photos` : files[0].isAnimated ? "GIF" : "Photo"),
    video: (files) => (files.length > 1 ? `${files.length} videos` : "Video"),
    visual: (files) => `${files.length} photos and videos`,
    voice: ([{ voice }]) => `Voice message ${timeCode(voice.ms)}`,
    audio: (files) => (files.length > 1 ? `${files.length} sound files` : files[0].name),
    file: (files) => (files.length > 1 ? `${files.length} files` : files[0].name),
  },
  talkBlocked: (count) => ({ one: "1 message of somebody you blocked", other: `${number().format(count)} messages of people you blocked` })[plural().select(count)],
  talkBlockedShow: "Show",
  talkNoteAdded: (who, whom) => `${who} let ${whom} in`,
  talkNoteRemoved: (who, whom) => `${who} removed ${whom}`,

  // Those who look after rooms and the server, and what they do.
  somebody: "Somebody",
  modServer: "Running this server",
  modYouRemoved: (title, reason) => `A moderator has removed you from “${title}”${reason ? `: ${reason}` : "."}`,
  modNoteSlow: (who, seconds) => (seconds === 0 ? `${who} ended slow mode` : `${who} set slow mode: one message each in ${duration(seconds)}`),
  modNoteRetention: (who, days) =>
    days === 0 ? `${who} ended that this room deletes old messages` : `${who} decided that messages are deleted after ${duration(days * DAY_S)}`,
  modNotePolicy: {
    writers: (who, value) => (value === "members" ? `${who} let everybody write here` : `${who} let only moderators write here`),
    joining: (who, value) => (value === "open" ? `${who} let people in at once by a link` : `${who} decided that people knock and moderators let them in`),
    inviting: (who, value) => (value === "members" ? `${who} let all members invite` : `${who} let only moderators invite`),
    pinning: (who, value) => (value === "members" ? `${who} let all members pin messages` : `${who} let only moderators pin messages`),
    titling: (who, value) => (value === "members" ? `${who} let all members change name and topic` : `${who} let only moderators change name and topic`),
  },
  modNoteRole: (who, whom, role, isServer) => `${who} made ${whom} ${roleWithArticle(role, isServer)}`,
  modNoteNoRole: (who, whom) => `${who} took the role of ${whom} away`,
  modNoteBecame: (who, role, isServer) => `${who} became ${roleWithArticle(role, isServer)}`,
  modNoteGaveUp: (who) => `${who} gave up their role`,
  modNoteBan: (who, whom, until, reason, isServer) =>
    `${who} ${isServer ? "banned" : "removed"} ${whom}${until ? ` until ${until}` : ""}${reason ? `: ${reason}` : ""}`,
  modNoteUnban: (who, whom, isServer) => `${who} let ${whom} come ${isServer ? "to the server " : ""}again`,
  modNoteMute: (who, whom, until, reason, isServer) =>
    `${who} muted ${whom}${isServer ? " everywhere" : ""}${until ? ` until ${until}` : ""}${reason ? `: ${reason}` : ""}`,
  modNoteUnmute: (who, whom) => `${who} let ${whom} write again`,
  modNoteKnock: (who) => `${who} knocked, to be let in`,
  modNoteNoKnock: (who) => `${who} went away again`,
  modNoteReport: (who, whom, why) => `${who} reported ${whom}${why ? `: ${why}` : ""}`,
  modNoteResolve: {
    taken: (who, whom) => `${who} took the report about ${whom}`,
    open: (who, whom) => `${who} left the report about ${whom} to others`,
    done: (who, whom, how) => `${who} closed the report about ${whom}${how ? `: ${how}` : ""}`,
  },
  modNoteWipe: (who, whom, count) => `${who} deleted ${({ one: "1 message", other: `${number().format(count)} messages` })[plural().select(count)]} of ${whom}`,
  modNoteRelease: (freed, now) => `The name ${freed} was set free${now ? `: who had it is called ${now}` : ""}`,
  modNoteTrust: (who, whom) => `${who} vouched for ${whom}`,
  modNoteNoTrust: (who, whom) => `${who} took back their word for ${whom}`,
  modNoteMode: (who, mode) => `${who} decided who may come: ${({ open: "everybody", probation: "everybody, at first with limits", knock: "those whom a moderator lets in", invite: "those who have a link", closed: "nobody new" })[mode]}`,
  modNoteQuiet: (who, until) => `${who} made the server quiet until ${until}`,
  modNoteNoQuiet: (who) => `${who} ended the quiet`,
  modNoteSentAway: (who, whom) => `${who} sent ${whom} away`,
};

const DAY_S = 86_400;
const UNITS = [[365 * DAY_S, "year"], [DAY_S, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

/** So many seconds in words: 30 seconds, 1 minute, 6 hours, 7 days, 1 year. */
export function duration(seconds) {
  const [size, unit] = UNITS.find(([one]) => seconds % one === 0);
  const count = seconds / size;
  return `${number().format(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** A role with its article: a moderator of this room, an owner of this server. */
export const roleWithArticle = (role, isServer) =>
  isServer ? `${role === "moderator" ? "a" : "an"} ${role} of this server` : role === "owner" ? "the owner of this room" : `a ${role} of this room`;

/** Write the catalogue's texts into the elements under `root` that ask for them. */
export function fillTexts(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = texts[element.dataset.text];
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", texts[element.dataset.label]);
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.setAttribute("placeholder", texts[element.dataset.placeholder]);
  }
}
