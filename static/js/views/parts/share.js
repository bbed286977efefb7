/**
 * Addresses of this chat that are given to other people and devices: in links and QR codes.
 */

/** A host that means "this machine" to whoever asks for it. */
const isThisMachine = (host) => host === "localhost" || host.endsWith(".localhost") || /^127\.|^0\.0\.0\.0$|^\[::1?\]$|^\[::ffff:7f/.test(host);

/**
 * The public address if the operator gave one; else the one by which this person came, unless that means their own machine:
 * then the server's address in its network.
 * @param {{publicUrl: string|null, networkUrl: string|null}} state @param {string} [fragment] what stands behind the `#`
 * @returns {{address: string, isForOthers: boolean}} isForOthers: whether it leads here from other machines
 */
export function shareAddress({ publicUrl, networkUrl }, fragment = "", here = location.href) {
  const isLocal = publicUrl === null && isThisMachine(new URL(here).hostname);
  const base = publicUrl ?? (isLocal && networkUrl !== null ? networkUrl : here);
  const url = new URL(".", base);
  url.hash = fragment;
  return { address: url.href, isForOthers: !isLocal || networkUrl !== null };
}

/** What stands behind the `#` for a room, or a message in it. */
export const roomFragment = (room, seq = null) => `room=${encodeURIComponent(room)}${seq === null ? "" : `&m=${seq}`}`;
