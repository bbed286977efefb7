/**
 * Queries of a search, as people type them. Pure.
 */

// The parts of a query, as the server reads them (search/query.py).
const PART =
  /(?:(from|in|has|before|after)[:：](?:\s+(?!(?:from|in|has|before|after)[:：]))?)?(?:["“”„]([^"“”„]*)["“”„]?|(\S+))/giu;
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;

/** The query with its days, which are those of the person, as the moments at which they begin here. */
export const withLocalDays = (query) =>
  query.replace(PART, (part, filter = "", quoted, word) => {
    const day = DAY.exec(quoted ?? word ?? "");
    if (!day || !/^(before|after)$/i.test(filter)) return part;
    const [year, month, ofMonth] = day.slice(1).map(Number);
    const begin = new Date(year, month - 1, ofMonth);
    // The server says that there is no such day.
    if (begin.getMonth() !== month - 1 || begin.getDate() !== ofMonth) return part;
    return `${filter}:${begin.toISOString().slice(0, 19)}Z`;
  });
