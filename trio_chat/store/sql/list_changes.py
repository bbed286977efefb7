"""What changed of lists of rooms: by a stamp, which was told with a list, it is found what is to be told anew.

Whatever changes what a list tells of a room puts the number of the change (`Dialect.change`) into ``rooms.changed``, in
its transaction: an event, a read marker, an epoch, the name or looks of the other person of a direct room, and what
members hide. A list out of which something went, or of which too much is another, is told as a whole: the number of
that stands in ``list_resets``. A stamp says up to which number its reader saw all changes, whose list it is of, and in
which run, since a database may be put back to what it was before, and number on from there.

Synchronous; writes belong into the writer's transaction. Rooms are noted before people, by all that note both: so
nobody waits for each other.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from trio_chat.store.sql.epochs import EPOCHS
from trio_chat.store.sql.meta import note, set_note

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.store.sql.connection import Connection

RUNS: Final = "list_runs"
"""Key in ``meta`` of the last runs of the server, each with the last number before it; SQLite's."""

RUNS_KEPT: Final = 50


def note_run(connection: Connection) -> None:
    """Begin a run, whose numbers cannot be taken for those of another that began from the same copy."""
    last = connection.execute(connection.dialect.last_change).get
    runs = [*_runs(note(connection, RUNS)), (secrets.token_urlsafe(6), last)]
    set_note(connection, RUNS, json.dumps(runs[-RUNS_KEPT:]))


def note_rooms(connection: Connection, ids: str, parameters: Any) -> None:  # noqa: ANN401
    """Note that lists tell something else of the rooms whose ``ids`` this query finds."""
    connection.execute(
        f"""
        UPDATE rooms SET changed = {connection.dialect.change} WHERE id IN (
            SELECT id FROM rooms WHERE id IN ({ids}) ORDER BY id {connection.dialect.for_update}
        )
        """,
        parameters,
    )


def note_people(connection: Connection, people: Collection[str]) -> None:
    """Note that the lists of these people are to be told as a whole."""
    connection.executemany(
        f"""
        INSERT INTO list_resets (person_id, changed) SELECT ?, {connection.dialect.change} WHERE true
        ON CONFLICT (person_id) DO UPDATE SET changed = excluded.changed
        """,
        [(person,) for person in sorted(people)],
    )


def stamp(connection: Connection, person: str) -> str:
    """The stamp of the person's list as it is read in this snapshot."""
    log, runs = _place(connection)
    run = runs[-1][0] if runs else ""
    return " ".join((person, log, run, str(connection.execute(connection.dialect.last_change).get)))


def changes_since(connection: Connection, person: str, told: str) -> int | None:
    """The number behind which the changes are of which a list of this stamp does not know; None if it cannot be told by
    changes what the list is now."""
    log, runs = _place(connection)
    try:
        whose, of_log, of_run, text = told.split(" ")
        number = int(text)
    except ValueError:
        return None
    if (whose, of_log) != (person, log):
        return None
    last: int = connection.execute(connection.dialect.last_change).get
    ends = dict(zip((run for run, _ in runs), (*(before for _, before in runs[1:]), last), strict=False))
    if not 0 <= number <= (ends.get(of_run, -1) if runs else last):
        return None
    reset: int | None = connection.execute(
        "SELECT changed FROM list_resets WHERE person_id = ?", (person,)
    ).get
    return number if reset is None or reset <= number else None


def _place(connection: Connection) -> tuple[str, list[tuple[str, int]]]:
    """Which log it is, and its runs."""
    meta: dict[str, str] = dict(
        connection.execute(
            "SELECT key, value FROM meta WHERE key IN (?, ?, ?)", ("epoch", EPOCHS, RUNS)
        ).fetchall()
    )
    return f"{meta['epoch']}/{meta.get(EPOCHS, '')}", _runs(meta.get(RUNS))


def _runs(value: str | None) -> list[tuple[str, int]]:
    return [] if value is None else [(run, before) for run, before in json.loads(value)]
