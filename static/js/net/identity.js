/**
 * Identity of this browser's user: the token to log in with, and the chosen name; and the keys of everybody one was here,
 * by server, so that no identity is lost when another server answers, or one becomes somebody else.
 *
 * Kept in localStorage, which all tabs share. Where storage is blocked (private windows, strict settings) it is kept
 * in memory: everything works, until the page is closed.
 */

const TOKEN_KEY = "trio-chat.token";
const NAME_KEY = "trio-chat.name";
const KEYS_KEY = "trio-chat.keys";
const MAX_KEYS = 20;
const TOKENS = 2; // the one before is known still when the server was restored from a backup

/**
 * @typedef {object} Key
 * @property {string|null} server the server's id; null: not known yet
 * @property {string|null} id the person's
 * @property {string} name @property {number} [colour] @property {string} [picture] as they were last
 * @property {string|null} chosen the chosen name
 * @property {string[]} tokens newest first
 */

export class Identity {
  #memory = new Map();

  /** The token to log in with, or null for a new user. */
  get token() {
    return this.#read(TOKEN_KEY);
  }

  set token(value) {
    this.#write(TOKEN_KEY, value);
  }

  /** The chosen name, or null while the person has a generated one. */
  get name() {
    return this.#read(NAME_KEY);
  }

  set name(value) {
    this.#write(NAME_KEY, value);
  }

  /** The kept keys, the one used last first. @returns {Key[]} */
  get keys() {
    try {
      const keys = JSON.parse(this.#read(KEYS_KEY) ?? "[]");
      return Array.isArray(keys) ? keys.filter((key) => Array.isArray(key?.tokens)) : [];
    } catch {
      return []; // somebody else wrote it
    }
  }

  /** A server knows the person by this token, perhaps in place of another: keep both. */
  remember(server, { id, name, colour, picture }, token, replaced = null) {
    const { keys } = this;
    const isIt = (key) => (key.server === server && key.id === id) || key.tokens.includes(token);
    const tokens = new Set([token, ...(replaced === null ? [] : [replaced]), ...keys.filter(isIt).flatMap((key) => key.tokens)]);
    const key = { server, id, name, colour, picture, chosen: this.name, tokens: Array.from(tokens).slice(0, TOKENS) };
    this.#keep([key, ...keys.filter((other) => !isIt(other))]);
  }

  /** The present token is set aside: a new user begins. */
  setAside() {
    const { token, keys } = this;
    if (token !== null && !keyOf(keys, token)) {
      this.#keep([{ server: null, id: null, name: this.name ?? "", chosen: this.name, tokens: [token] }, ...keys]);
    }
    this.token = null;
  }

  /** A token is void for good: it is not kept. */
  forget(token) {
    this.#keep(this.keys.filter((key) => !key.tokens.includes(token)));
  }

  /** Other keys to try where this token is not known: the person's own, or those used last on that server. */
  alternatives(server, token) {
    const { keys } = this;
    const own = keyOf(keys, token);
    const lastOf = (id) => keys.find((key) => key.server === id);
    if (!own) return [];
    const good = own.server === server ? [own] : [lastOf(server), lastOf(null)].filter(Boolean);
    return good.flatMap((key) => key.tokens.map((other) => ({ ...key, token: other })));
  }

  /** Whether this token is known to be of another server. */
  isElsewhere(server, token) {
    const { server: own = null } = keyOf(this.keys, token) ?? {};
    return own !== null && own !== server;
  }

  /** Call `listener` when another tab got another token or name. */
  onOtherTab(listener) {
    window.addEventListener("storage", (event) => {
      if (event.key === TOKEN_KEY || event.key === NAME_KEY) listener();
    });
  }

  #keep(keys) {
    this.#write(KEYS_KEY, JSON.stringify(keys.slice(0, MAX_KEYS)));
  }

  #read(key) {
    try {
      return localStorage.getItem(key) ?? this.#memory.get(key) ?? null;
    } catch {
      return this.#memory.get(key) ?? null;
    }
  }

  #write(key, value) {
    if (value === null) this.#memory.delete(key);
    else this.#memory.set(key, value);
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {
      // Blocked or full: the copy in memory has to do.
    }
  }
}

const keyOf = (keys, token) => keys.find(({ tokens }) => tokens.includes(token));
