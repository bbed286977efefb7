/**
 * Every sentence about voice notes and sounds: they come with the recorder and the player.
 */
import { lazy } from "./lazy.js";

const plural = lazy(() => new Intl.PluralRules("en"));
const number = lazy(() => new Intl.NumberFormat("en"));

const spoken = (seconds) => {
  const unit = (count, name) => ({ one: `1 ${name}`, other: `${number().format(count)} ${name}s` })[plural().select(count)];
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return [minutes > 0 && unit(minutes, "minute"), (rest > 0 || minutes === 0) && unit(rest, "second")].filter(Boolean).join(" ");
};

export const voiceTexts = {
  play: "Play",
  pause: "Pause",
  seek: "Position",
  position: (seconds, of) => `${spoken(seconds)} of ${spoken(of)}`,
  speed: (rate) => `Speed: ${number().format(rate)} times`,
  rate: (rate) => `${number().format(rate)}×`,
  unheard: "Not played yet",
  cannotPlay: "This browser cannot play it.",
  gone: "It could not be fetched. Perhaps it was deleted, or there is no connection.",
  download: "Download",
};
