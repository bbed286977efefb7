/**
 * Dates and times for people, in their language and time zone, by Intl.
 */
import { lazy } from "./lazy.js";
import { texts } from "./texts.js";

const DAY_MS = 24 * 60 * 60 * 1000;
const WEEK_DAYS = 7; // within a week the weekday alone says which day it was

let zone = ""; // the time zone for which the formats are made, as its offsets

const clockFormat = inZone({ timeStyle: "short" }); // hours have the digits that the language gives them
const exactFormat = inZone({ dateStyle: "full", timeStyle: "medium" });
const momentFormat = inZone({ dateStyle: "medium", timeStyle: "short" });
const weekdayFormat = inZone({ weekday: "long" });
const dateFormat = inZone({ day: "numeric", month: "long" });
const yearFormat = inZone({ day: "numeric", month: "long", year: "numeric" });

/** A format that is made at its first use (see lazy.js), and again when the time zone has changed. */
function inZone(options) {
  let made = null;
  let madeFor = "";
  return () => {
    if (made === null || madeFor !== zone) [made, madeFor] = [new Intl.DateTimeFormat(undefined, options), zone];
    return made;
  };
}

/**
 * Today in the present time zone, as a text that differs when the day or the zone does. All formats follow that zone then.
 * (To ask Intl for the zone's name takes a slow phone too long.)
 */
export function today(nowMs = Date.now()) {
  const year = new Date(nowMs).getFullYear();
  zone = [0, 6].map((month) => new Date(year, month).getTimezoneOffset()).join(" ");
  return `${dayNumber(nowMs)} ${zone}`;
}

/** The time of day, as the language writes it: 14:05, 2:05 PM. */
export const clock = (ms) => clockFormat().format(ms);

/** Everything about a moment, for the tooltip. */
export const exact = (ms) => exactFormat().format(ms);

/**
 * The local calendar day of a moment as a number that grows by one from day to day.
 * @param {number} ms milliseconds since 1970 UTC
 */
export function dayNumber(ms) {
  const date = new Date(ms);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
}

/** The label of a day divider, seen from the moment `nowMs`: Today, Yesterday, Monday, 3 May, 3 May 2024. */
export function dayLabel(ms, nowMs = Date.now()) {
  const age = dayNumber(nowMs) - dayNumber(ms);
  if (age === 0) return texts.today;
  if (age === 1) return texts.yesterday;
  if (age > 1 && age < WEEK_DAYS) return weekdayFormat().format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? dateFormat : yearFormat)().format(ms);
}

const relativeFormat = lazy(() => new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }));

const UTC_MOMENT = /(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g;

/** A sentence of the server, which knows no zones, with its moments as they are here. */
export function inLocalTime(sentence, nowMs = Date.now()) {
  const midnight = new Date(nowMs).setUTCHours(24, 0, 0, 0);
  return sentence
    .replace(UTC_MOMENT, (_, day, time) => momentFormat().format(Date.parse(`${day}T${time}Z`)))
    .replace("midnight UTC", () => clock(midnight));
}

const MINUTE_MS = 60_000;

/** How long ago a moment was: 5 minutes ago, at 14:05, yesterday, 3 May. */
export function ago(ms, nowMs = Date.now()) {
  const minutes = Math.round((nowMs - ms) / MINUTE_MS);
  if (minutes < 60) return relativeFormat().format(-Math.max(minutes, 0), "minute");
  if (dayNumber(ms) === dayNumber(nowMs)) return relativeFormat().format(-Math.round(minutes / 60), "hour");
  if (dayNumber(nowMs) - dayNumber(ms) < WEEK_DAYS) return relativeFormat().format(dayNumber(ms) - dayNumber(nowMs), "day");
  return dayLabel(ms, nowMs);
}

/** Until when something holds: 15:00, tomorrow 15:00, Sunday, 3 May, 3 May 2028. */
export function until(ms, nowMs = Date.now()) {
  const days = dayNumber(ms) - dayNumber(nowMs);
  if (days === 0) return clock(ms);
  if (days === 1) return `${relativeFormat().format(1, "day")} ${clock(ms)}`;
  if (days > 1 && days < WEEK_DAYS) return weekdayFormat().format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? dateFormat : yearFormat)().format(ms);
}
