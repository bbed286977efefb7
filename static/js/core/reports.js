/**
 * Reports: the open ones, as they are listed in the server room and follow from its events. Pure.
 */

/** A report as it is held. */
function reportOf(event, takenBy = null) {
  const { seq, from, name, person, of: room = null, target = null, text = "", why = "", at } = event;
  return { seq, from, name, person, room, target, text, why, atMs: Date.parse(at), takenBy };
}

/** The open reports after an event of the server room. @param {object[]|null} reports null: they are not known */
export function reportsAfter(reports, event) {
  if (reports === null) return null;
  if (event.type === "report" && !event.deleted) return [...reports.filter(({ seq }) => seq !== event.seq), reportOf(event)];
  if (event.type !== "resolve") return reports;
  if (event.state === "done") return reports.filter(({ seq }) => seq !== event.target);
  const takenBy = event.state === "taken" ? event.from : null;
  return reports.map((one) => (one.seq === event.target ? { ...one, takenBy } : one));
}

/** The room with the answer to `reports`, brought up to date by the events heard since. */
export function withReports(room, frame) {
  const told = frame.reports.map(({ event, taken_by: takenBy }) => reportOf(event, takenBy));
  return { ...room, reports: room.recent.changes.reduce(reportsAfter, told) };
}
