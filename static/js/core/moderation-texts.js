/**
 * Every sentence of moderation but the notes in the log: they are needed when the first messages are on the screen already.
 */
import { lazy } from "./lazy.js";
import { duration, roleWithArticle } from "./texts.js";

const plural = lazy(() => new Intl.PluralRules("en"));
const number = lazy(() => new Intl.NumberFormat("en"));

export const modTexts = {
  serverLine: "What is decided for all stands here",
  youBanned: "A moderator has removed you from this server.",
  roomRoles: { owner: "Owner", moderator: "Moderator", member: "Member" },
  serverRoles: { owner: "Owner", admin: "Admin", moderator: "Moderator", member: "No role" },
  isRole: (role, isServer) => (role === "member" ? "" : capital(roleWithArticle(role, isServer).replace(/^(an?|the) /, ""))),
  roleRoom: "Role in this room",
  roleServer: "Role on this server",
  roleGiven: (name, role, isServer) => (role === "member" ? `${name} has no role now.` : `${name} is ${roleWithArticle(role, isServer)} now.`),
  ownerTitle: (name) => `Make ${name} the owner?`,
  roomOwnerText: "A room has one owner. You will be a moderator of it, and cannot take this back.",
  serverOwnerText: "An owner can do everything here, as you can. You cannot take this back.",
  makeOwner: "Make owner",
  giveUpTitle: "Give up your role?",
  giveUpText: "You cannot take this back: somebody else would have to give it to you again.",
  giveUp: "Give it up",

  moderate: "Mute or remove",
  menu: (name) => `Mute or remove ${name}`,
  title: (name) => `Mute or remove ${name}`,
  scope: "Where",
  scopeRoom: (title) => `In “${title}”`,
  scopeServer: "On the whole server",
  muteRoom: "Mute: they read, and write nothing",
  muteServer: "Mute everywhere: they read, and write nothing",
  banRoom: "Remove from this room",
  banServer: "Ban from the server, with all devices",
  choices: { 600: "10 min", 3600: "1 hour", 86400: "1 day", 604800: "1 week", 0: "For ever" },
  for: { 600: "for 10 minutes", 3600: "for an hour", 86400: "for a day", 604800: "for a week", 0: "for ever" },
  reason: "Reason",
  reasonHelp: "Everybody in the room can read it.",
  reasonHelpServer: "Those who run the server can read it.",
  end: "Undo",
  muted: (name, how) => `${name} is muted ${how}.`,
  removed: (name, how) => `${name} is removed ${how}.`,
  banned: (name, how) => `${name} is banned ${how}.`,
  unmuted: (name) => `${name} can write again.`,
  unbanned: (name) => `${name} can come again.`,
  isMuted: (time) => `Muted here${time ? ` until ${time}` : ""}`,
  isMutedServer: (time) => `Muted everywhere${time ? ` until ${time}` : ""}`,
  isRemoved: (time) => `Removed from this room${time ? ` until ${time}` : ""}`,
  isBanned: (time) => `Banned from this server${time ? ` until ${time}` : ""}`,
  mutedSign: "muted",
  deleteAndMute: (name) => `Delete it and mute ${name} for an hour`,

  waiting: "Waiting to be let in",
  letInButton: "Let in",
  sendAway: "Send away",
  letIn: (name) => `${name} is in now.`,
  sentAway: (name) => `${name} was sent away.`,
  wait: (count) => ({ one: "1 person waits to be let in", other: `${number().format(count)} people wait to be let in` })[plural().select(count)],
  waits: (name) => `${name} waits to be let in`,
  knockedTitle: "You knocked",
  knockedText: (title) => `Somebody who looks after “${title}” lets you in. It will stand in your list of rooms then; you need not wait here.`,
  knockedLine: "You knocked. A moderator lets you in.",
  forgetKnock: (title) => `Do not show ${title} any more`,
  youAreIn: (title) => `You are in “${title}” now.`,
  announcements: "Only moderators write here. You can read and react.",
  youMuted: (time) => `A moderator has muted you${time ? ` until ${time}` : ""}. You can read.`,
  draftKept: "What you wrote is kept.",
  slowNow: "Slow mode: you have just written.",
  slowSeconds: (seconds) => `Again in ${clockLike(seconds)}`,
  slowWait: (seconds) => `This room is slow. You can send this in ${clockLike(seconds)}.`,
  restricted: "Muted or removed",

  policy: "How this room is run",
  slow: "Slow mode",
  slowEvery: (seconds) => (seconds === 0 ? "Off" : `One message each in ${duration(seconds)}`),
  policies: {
    writers: { label: "Who may write", options: { members: "Everybody here", moderators: "Only moderators" } },
    joining: { label: "Who opens a link", options: { open: "Is in at once", knock: "Knocks: a moderator lets them in" } },
    inviting: { label: "Who may invite", options: { members: "Everybody here", moderators: "Only moderators" } },
    pinning: { label: "Who may pin messages", options: { members: "Everybody here", moderators: "Only moderators" } },
    titling: { label: "Who may change name and topic", options: { members: "Everybody here", moderators: "Only moderators" } },
  },
  retention: "Messages are deleted",
  retentionAfter: (days, general) => (days > 0 ? `After ${inDays(days)}` : general > 0 ? `After ${inDays(general)}, as everywhere here` : "Never"),
  retentionTitle: "Delete old messages?",
  retentionText: (days) => `In some minutes all messages of this room that are older than ${inDays(days)} are deleted, for everybody, and from then on each when it is so old. Nobody can bring them back.`,
  retentionYes: (days) => `Delete after ${inDays(days)}`,
  retentionRule: (days) => `Messages are deleted after ${inDays(days)}.`,
  ruleSlow: (seconds) => `Slow mode: one message each in ${duration(seconds)}.`,
  rules: {
    writers: "Only moderators write here. Everybody can read and react.",
    joining: "Who opens a link knocks, and a moderator lets them in.",
    inviting: "Only moderators invite people.",
    pinning: "Only moderators pin messages.",
    titling: "Only moderators change name and topic.",
  },

  serverAbout: "For those who run this server",
  staff: "Who runs this server",
  addStaff: "Give somebody a role",
  addStaffText: "Choose a person, and then their role on this server.",
  log: "The log",
  logText: "All that was decided for the whole server stands in this room, with who did it and when.",
  saveLog: "Save the log as a file",
  logSaved: (count) => `${({ one: "1 entry", other: `${number().format(count)} entries` })[plural().select(count)]} saved.`,
  readsTitle: "Who can read what",
  readsText: "Whoever operates the machine on which this server runs can read all that stands on it, private rooms and conversations of two too. Roles do not let you read them: only members can, here on the page.",

  ownTitle: "Become the owner of this server?",
  ownText: "An owner may do everything here: make moderators, remove people, decide who may come. This link works once.",
  ownYes: "Become the owner",
  ownDone: "You are the owner of this server",
  firstSteps: [
    ["Do not lose it.", "Link a second device in the settings, or make somebody else an owner too."],
    ["Find helpers.", "Press somebody’s face, and choose their role on this server."],
    ["Decide who may come.", "This and all else stands in “Running this server”, first in your list of rooms."],
  ],
  goToServer: "Go there",
};

const inDays = (days) => duration(days * 86_400);

/** So many seconds as a countdown: 24 s, 1:05. */
const clockLike = (seconds) => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
