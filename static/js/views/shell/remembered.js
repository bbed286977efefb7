/**
 * The room that was open before a reload of this tab.
 */
const OPEN_KEY = "trio-chat.open"; // as in boot/early-socket.js

/** @returns {string|null} */
export function rememberedRoom() {
  try {
    return sessionStorage.getItem(OPEN_KEY);
  } catch {
    return null;
  }
}

/** Remember it. */
export function rememberRoom(name) {
  try {
    sessionStorage.setItem(OPEN_KEY, name);
  } catch {
    // Then a reload opens the lobby.
  }
}
