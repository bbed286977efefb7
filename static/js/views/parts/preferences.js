/**
 * Preferences of this browser: theme, sound, notifications. Without storage the defaults hold.
 */
const PREFIX = "trio-chat.";
const DEFAULTS = { sound: "on", notifications: "off" };

/** Whether sound or notifications are wanted. */
export const isWanted = (what) => read(what, DEFAULTS[what]) === "on";

export const setWanted = (what, on) => write(what, on ? "on" : "off");

/** "system", "light", "dark" or "contrast". */
export const theme = () => read("theme", "system");

export function setTheme(value) {
  write("theme", value === "system" ? null : value);
  dispatchEvent(new Event("themechosen"));
}

function read(key, otherwise) {
  try {
    return localStorage.getItem(PREFIX + key) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Then it holds until the page is closed, or not at all.
  }
}
