/**
 * Lazy values, made at the first use. Each object of Intl takes a slow phone some ten milliseconds, and few of them are
 * needed before the first message is on the screen.
 */

/** @template T @param {() => T} make @returns {() => T} */
export function lazy(make) {
  let made;
  return () => (made ??= make());
}
