/**
 * The places that the reader had in rooms before a reload of this tab; reading-places.js writes them.
 */
export const PLACES_KEY = "trio-chat.places";

/** @returns {Map<string, {seq: number, offset: number}>} by room, the one left last at the end */
export function rememberedPlaces() {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(PLACES_KEY)));
  } catch {
    return new Map();
  }
}
