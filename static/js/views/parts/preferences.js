/**
 * Preferences of this browser: theme, sound, notifications. Without storage the defaults hold.
 */
import { keep, readKept } from "./storage.js";

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

const read = (key, otherwise) => readKept("localStorage", PREFIX + key) ?? otherwise;

const write = (key, value) => keep("localStorage", PREFIX + key, value);
