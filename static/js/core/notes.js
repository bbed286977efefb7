/**
 * Notes: events of the log that are no messages, each as a sentence. Pure.
 */
import { isUnknown } from "./message.js";
import { person } from "./select.js";
import { SERVER } from "./standing.js";
import { texts } from "./texts.js";
import { until } from "./time.js";

/** The text of a note; empty for what is not worth one. What only a newer page understands is said to be so. @param {number} nowMs decides what "today" is @param {string} [roomKind] */
export function noteOf(state, event, nowMs, roomKind = "") {
  const who = event.from === state.me?.id ? texts.you : nameOf(state, event.from, event.name);
  if (isUnknown(event)) return texts.noteUnknown;
  try {
    return makers[event.type](event, { state, who, nowMs, isServer: event.room === SERVER, roomKind });
  } catch {
    return texts.noteUnknown; // a known kind, with a word that is not
  }
}

const nameOf = (state, id, name = "") => person(state, id, name).name || texts.somebody;

/** Whom it is about, within a sentence. */
const whomOf = (state, id) => (id === state.me?.id ? texts.shellYou : nameOf(state, id));

const makers = {
  created: ({ kind }, { who }) => texts.talkNoteCreated(who, kind),

  settings(event, { who }) {
    const notes = [];
    if (event.title !== undefined) notes.push(texts.talkNoteTitle(who, event.title));
    if (event.topic !== undefined) notes.push(event.topic ? texts.talkNoteTopic(who, event.topic) : texts.talkNoteNoTopic(who));
    if (event.picture !== undefined) notes.push(texts.talkNotePicture(who, event.picture));
    if (event.slow_s !== undefined) notes.push(texts.modNoteSlow(who, event.slow_s));
    if (event.retention_days !== undefined) notes.push(texts.modNoteRetention(who, event.retention_days));
    for (const [name, text] of Object.entries(texts.modNotePolicy)) if (event[name] !== undefined) notes.push(text(who, event[name]));
    return notes.join(" · ");
  },

  member({ person: { id, name }, from, on }, { state, who, roomKind }) {
    const whom = id === state.me?.id ? texts.you : nameOf(state, id, name);
    if (roomKind === "direct" && on) return id === from ? texts.talkNoteAccepted(whom) : texts.talkNoteAsked(who, whom);
    if (id === from) return on ? texts.talkNoteJoined(whom) : texts.talkNoteLeft(whom);
    return on ? texts.talkNoteAdded(who, whom) : texts.talkNoteRemoved(who, whom);
  },

  role({ person: id, from, role }, { state, who, isServer }) {
    if (id === from) return role === "member" ? texts.modNoteGaveUp(who) : texts.modNoteBecame(who, role, isServer);
    const whom = whomOf(state, id);
    return role === "member" ? texts.modNoteNoRole(who, whom) : texts.modNoteRole(who, whom, role, isServer);
  },

  ban: ({ person: id, on, ...event }, { state, who, nowMs, isServer }) => {
    const whom = whomOf(state, id);
    return on ? texts.modNoteBan(who, whom, howLong(event, nowMs), event.reason, isServer) : texts.modNoteUnban(who, whom, isServer);
  },

  mute: ({ person: id, on, ...event }, { state, who, nowMs, isServer }) => {
    const whom = whomOf(state, id);
    return on ? texts.modNoteMute(who, whom, howLong(event, nowMs), event.reason, isServer) : texts.modNoteUnmute(who, whom);
  },

  report: ({ person: id, why }, { state, who }) => texts.modNoteReport(who, whomOf(state, id), why),
  resolve: ({ person: id, state: how, how: done }, { state, who }) => texts.modNoteResolve[how](who, whomOf(state, id), done),
  release: ({ freed, now }) => texts.modNoteRelease(freed, now),
  wipe: ({ person: id, n }, { state, who }) => texts.modNoteWipe(who, whomOf(state, id), n),
  trust: ({ person: id, on }, { state, who }) => (on ? texts.modNoteTrust : texts.modNoteNoTrust)(who, whomOf(state, id)),

  mode({ mode, quiet_until: quietUntil, quiet }, { who, nowMs }) {
    if (mode) return texts.modNoteMode(who, mode);
    return quiet === false ? texts.modNoteNoQuiet(who) : texts.modNoteQuiet(who, until(Date.parse(quietUntil), nowMs));
  },

  knock({ person: id, from, on }, { state, who }) {
    if (id !== from) return texts.modNoteSentAway(who, whomOf(state, id));
    return on ? texts.modNoteKnock(who) : texts.modNoteNoKnock(who);
  },
};

const howLong = (event, nowMs) => (event.until === undefined ? "" : until(Date.parse(event.until), nowMs));
