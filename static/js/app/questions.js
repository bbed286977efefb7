/**
 * What people ask the server for: rooms, people, searches, themselves. It comes after the first view; answers are as those
 * of the app, whose methods they become.
 */
import { texts } from "../core/texts.js";
import { ATTEMPTS } from "./history.js";

const ALBUM_PAGE = 50;

/** @param {import("../core/store.js").Store} store @param {import("../net/session.js").Session} session @returns {object} methods */
export function questions(store, session) {
  async function ask(frame, pick = () => ({})) {
    const answer = await session.ask(frame);
    return answer.ok ? { ok: true, ...pick(answer) } : answer;
  }

  async function profile(changes) {
    const answer = await ask({ type: "profile", ...changes }, (frame) => ({
      user: frame.user, seen: frame.show_seen ?? true, receipts: frame.show_receipts ?? true, typing: frame.show_typing ?? true,
    }));
    if (answer.ok) store.dispatch({ type: "me", me: { ...answer.user, hasChosenName: store.state.me.hasChosenName } });
    return answer;
  }

  return {
    // -- messages --

    /** What there is to show of a `link` in message `seq` of a `room`; `pending`: not known yet. */
    preview(asked) {
      return ask({ type: "preview", ...asked }, (frame) => frame);
    },

    // -- rooms and people --

    createRoom({ kind, name, title, topic }) {
      return ask({ type: "create", kind, room: name, title, topic }, ({ room }) => ({ room }));
    },

    direct(person) {
      return ask({ type: "direct", person }, ({ room }) => ({ room }));
    },

    /** Read the requests, in as many answers as they take: afterwards they are in the state. */
    async requests() {
      const requests = [];
      let cursor;
      do {
        const answer = await session.ask({ type: "requests", cursor });
        if (!answer.ok) return answer;
        requests.push(...answer.requests);
        ({ cursor } = answer);
      } while (cursor);
      store.dispatch({ type: "requests", items: requests });
      return { ok: true, requests };
    },

    /** Accept a request, or decline it. */
    async answerRequest(room, accept) {
      const answer = await ask({ type: "answer_request", room, accept });
      if (answer.ok) store.dispatch({ type: "answered", room });
      return answer;
    },

    /** Title, topic, or what of the policy is to change: see `DEFAULT_POLICY`. */
    setRoom(room, changes) {
      return ask({ type: "settings", room, ...changes }, ({ seq }) => ({ seq }));
    },

    enter(room) {
      return ask({ type: "enter", room }, ({ seq }) => ({ seq }));
    },

    leave(room) {
      return ask({ type: "part", room }, ({ seq }) => ({ seq }));
    },

    /** @param {{expiresIn?: number, uses?: number}} options seconds and a count; 0: without an end */
    invite(room, { expiresIn, uses } = {}) {
      return ask({ type: "invite", room, expires_s: expiresIn, uses }, (answer) => ({
        token: answer.token,
        expiresAt: answer.expires_at,
        uses: answer.uses,
      }));
    },

    invites(room) {
      return ask({ type: "invites", room }, ({ invites }) => ({ invites }));
    },

    uninvite(room) {
      return ask({ type: "uninvite", room });
    },

    peek(token) {
      return ask({ type: "peek", token }, ({ room, kind, title = "", topic = "", members, by }) => ({
        room, kind, title, topic, members, by,
      }));
    },

    /** @param {string} title of the room, as `peek` told it */
    async accept(token, title = "") {
      const answer = await ask({ type: "accept", token }, ({ room, waiting = false }) => ({ room, isWaiting: waiting }));
      if (answer.isWaiting) store.dispatch({ type: "knocked", room: answer.room, title, on: true });
      return answer.code === "already_there" ? { ok: true, room: answer.room, isWaiting: false } : answer;
    },

    async info(room) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const frame = await session.ask({ type: "info", room });
        if (!frame.ok) return frame;
        store.dispatch({ type: "info", frame });
        const { info } = store.state.rooms.get(room) ?? { info: frame };
        if (info) return { ok: true, info };
      }
      return { ok: false, code: "offline", message: texts.askOffline };
    },

    /** All further members of a room whose `info` had a cursor, in as many answers as they take. */
    async moreMembers(room) {
      for (let cursor; (cursor = store.state.rooms.get(room)?.info?.cursor);) {
        const frame = await session.ask({ type: "info", room, cursor });
        if (!frame.ok) return frame;
        store.dispatch({ type: "members", frame });
        if (store.state.rooms.get(room)?.info?.cursor === cursor) break; // of no use, as the room's numbers are others now
      }
      return { ok: true };
    },

    directory(query, cursor) {
      return ask({ type: "directory", query, cursor }, ({ rooms, cursor: next }) => ({ rooms, cursor: next }));
    },

    async people(ids) {
      const answer = await ask({ type: "people", ids }, ({ people }) => ({ people }));
      if (answer.ok) store.dispatch({ type: "people", people: answer.people });
      return answer;
    },

    /** Those whom one may mention in a room, by the beginning of their name; not all, if they are many. */
    async mentionable(room, query) {
      const answer = await ask({ type: "mentionable", room, query }, ({ people }) => ({ people }));
      if (answer.ok) store.dispatch({ type: "people", people: answer.people });
      return answer;
    },

    receipts(room, seq, cursor) {
      return ask({ type: "receipts", room, seq, cursor }, ({ read, delivered, cursor: next }) => ({ read, delivered, cursor: next }));
    },

    /** Who has put what to a message, in the order in which they did: those after number `after`. */
    reactions(room, seq, after) {
      return ask({ type: "reactions", room, seq, after }, ({ reactions, more }) => ({ reactions, more: Boolean(more) }));
    },

    /** All versions of a message, in as many answers as they take. */
    async versions(room, seq) {
      const events = [];
      for (let more = true; more;) {
        const answer = await session.ask({ type: "versions", room, seq, after: events.at(-1)?.seq });
        if (!answer.ok) return answer;
        events.push(...answer.events);
        more = answer.more;
      }
      return { ok: true, events };
    },

    /** What is found is in the state (`copyAt`); a hit has the number, and the words that were found with their places. */
    async search(query, { room, cursor, limit } = {}) {
      const answer = await session.ask({ type: "search", query, room, cursor, limit });
      if (!answer.ok) return answer;
      store.dispatch({ type: "found", events: answer.hits.map(({ event }) => event) });
      const hits = answer.hits.map(({ event: { room: name, seq, text }, marks }) => ({
        room: name, seq, highlights: placesOf(text, marks),
      }));
      return { ok: true, hits, cursor: answer.cursor };
    },

    /** A page of a room's album: messages with "pictures", "files" or "links", before a number, which are then in the state. */
    async album(room, only, before) {
      const frame = await session.ask({ type: "history", room, only, before, limit: ALBUM_PAGE });
      if (!frame.ok) return frame;
      const seqs = frame.events.map(({ seq }) => seq);
      store.dispatch({ type: "fetched", frame, seqs });
      return { ok: true, seqs, before: frame.more ? frame.before : undefined };
    },

    // -- oneself --

    async rename(name) {
      const answer = await ask({ type: "rename", name }, ({ user }) => ({ user }));
      if (answer.ok) session.renamed(answer.user);
      return answer;
    },

    /** @param {{colour?: number, picture?: string}} changes picture: Base64, empty for none */
    async setProfile({ colour, picture }) {
      return profile({ colour, picture });
    },

    /**
     * What is shown of oneself, after these changes.
     * @param {{seen?: boolean, receipts?: boolean, typing?: boolean}} changes
     * @returns {Promise<object>} the same fields
     */
    async setPrivacy({ seen, receipts, typing } = {}) {
      const answer = await profile({ show_seen: seen, show_receipts: receipts, show_typing: typing });
      if (answer.ok && !answer.seen) store.dispatch({ type: "presenceHidden" });
      if (answer.ok) await session.subscribeToOpenRoom(); // what is shown of others has changed as well
      return answer;
    },

    linkDevice() {
      return ask({ type: "link" }, ({ code, expires_s: expiresIn }) => ({ code, expiresIn }));
    },

    /** Become the person of a device code, or of a recovery code. Who one was is kept (`otherKeys`). */
    useCode(code) {
      return session.logIn(codeField(code));
    },

    /** Whom a code stands for; it stays good. */
    whose(code) {
      return ask({ type: "peek_link", ...codeField(code) }, ({ user }) => ({ user }));
    },

    devices() {
      return ask({ type: "devices" }, ({ devices, recovery }) => ({ devices, recoveryAt: recovery }));
    },

    /** Log out a device; null: all others. */
    logOut(device) {
      return ask({ type: "log_out", ...(device === null ? { all: true } : { device }) });
    },

    async makeRecoveryCode() {
      const answer = await ask({ type: "recovery" }, ({ code }) => ({ code }));
      if (answer.ok) store.dispatch({ type: "recovery" });
      return answer;
    },
  };
}

/** Marks, which are counted in code points, as places in a string, with what stands there. */
function placesOf(text, marks) {
  const characters = Array.from(text);
  return marks.map(([begin, end]) => {
    const from = characters.slice(0, begin).join("").length;
    const word = characters.slice(begin, end).join("");
    return { from, to: from + word.length, word };
  });
}

/** A recovery code is longer than a device code. */
const codeField = (code) => (code.replaceAll(/[-\s]/g, "").length > 12 ? { recover: code } : { link: code });
