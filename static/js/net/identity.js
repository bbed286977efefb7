/**
 * Identity of this browser's user: the token to log in with, and the chosen name.
 *
 * Kept in localStorage, which all tabs share. Where storage is blocked (private windows, strict settings) it is kept
 * in memory: everything works, until the page is closed.
 */

const TOKEN_KEY = "trio-chat.token";
const NAME_KEY = "trio-chat.name";

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

  /** Call `listener` when another tab got another token or name. */
  onOtherTab(listener) {
    window.addEventListener("storage", (event) => {
      if (event.key === TOKEN_KEY || event.key === NAME_KEY) listener();
    });
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
