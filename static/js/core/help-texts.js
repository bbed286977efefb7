/**
 * Every sentence about commands, keys and formatting: they are needed when somebody writes or asks for help.
 */
export const helpTexts = {
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
  shellHelpTitle: "What you can do here",
  shellHelpKeys: "Keys",
  shellHelpCommands: "Commands",
  shellHelpFormat: "Formatting",
  shellKeys: [
    ["Enter", "Send"],
    ["Ctrl K", "Find a room"],
    ["Alt ↑  Alt ↓", "The room above or below"],
    ["Alt Shift ↓", "The next room with something new"],
    ["F6  Shift F6", "To the list, the messages, the field"],
    ["Esc", "Close what was opened last"],
    ["Ctrl /", "This help"],
  ],
  shellFormats: [
    ["*bold*", "bold"],
    ["_italic_", "italic"],
    ["~strike~", "strike"],
    ["`code`", "code"],
    ["> quote", "quote"],
    ["- item", "list"],
  ],
  talkKeys: [
    ["Shift Enter", "A new line"],
    ["↑", "In an empty field: edit your last message"],
    ["Shift Tab", "To the messages; ↑ and ↓ move between them"],
    ["→  ←", "On a message: to its links and reactions, and back"],
    ["Enter", "On a message: everything one can do with it"],
    ["Delete", "On a message: delete it"],
    ["Alt Shift V", "Record a voice note; once more: send it"],
    ["@  :  /", "Mention somebody, an emoji, a command"],
  ],
};
