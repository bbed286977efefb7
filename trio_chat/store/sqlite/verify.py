"""Verification of a whole log in a file; beside a running server or without one, and of a backup.

Read-only. The server's checkpoints are not held up for long.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from trio_chat.store.mark_file import TornMark
from trio_chat.store.sql.verify import LogFinding, RoomsWalk, with_verdict
from trio_chat.store.sqlite.epochs import count_events
from trio_chat.store.sqlite.event_count import read_event_count
from trio_chat.store.sqlite.file import check_is_there, check_sqlite_version, connect_to_read, explaining
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, check_shape, format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trio_chat.store.sql.verify import Finding
    from trio_chat.store.sqlite.connection import SqliteConnection
    from trio_chat.store.sqlite.event_count import EventCount

FORMAT_WITHOUT_CHANGES = 1
"""In this format nothing could be deleted."""

COMPLAINTS = 5
"""SQLite's own complaints that are shown: the first says all."""


def verify(
    database: Path,
    *,
    advice: str = "Name its directory with --data.",
    report: Callable[[int, int], object] = lambda done, total: None,
) -> Iterator[Finding]:
    """Findings about the log, room by room, and then as a whole; the last is the verdict. A log of an older format is
    compared with the tables of that.

    ``report`` is told how many events were read, and how many there are. Raises `StartError` if there is no log that
    can be read at all; ``advice`` says what to do then.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database, advice)
    # Before the log is read: it may grow meanwhile, and the count follows it.
    expected, notes = _read_event_count(database)
    with explaining(database):
        connection = connect_to_read(database, vfs=None)
    with closing(connection):
        with explaining(database):
            check_identity(connection, database, MIGRATIONS)
            version = format_of(connection)
            check_shape(connection, database, MIGRATIONS[:version])
            total = count_events(connection).events
        if version < len(MIGRATIONS):
            notes.append(
                LogFinding(
                    f"note: it has the older format {version}; the server brings it to format {len(MIGRATIONS)} "
                    "when it starts with it"
                )
            )
        walk = RoomsWalk(connection, total=total, report=report, has_changes=version > FORMAT_WITHOUT_CHANGES)
        yield from notes
        yield from with_verdict(_walk(connection, walk, expected))


def _walk(connection: SqliteConnection, walk: RoomsWalk, expected: EventCount | None) -> Iterator[Finding]:
    try:
        yield from walk.rooms()
        yield from _compare_with_count(connection, expected)
        yield from walk.remains()
        yield from _ask_sqlite(connection)
    except apsw.Error as error:
        yield LogFinding(f"SQLite cannot read on: {error}", is_damage=True)
    except UnicodeDecodeError:
        yield LogFinding("the list of rooms holds something that is no text", is_damage=True)


def _read_event_count(database: Path) -> tuple[EventCount | None, list[LogFinding]]:
    try:
        expected = read_event_count(database)
    except TornMark:
        return None, [
            LogFinding("note: the mark beside the log is damaged, so missing last events do not show")
        ]
    if expected is None:
        return None, [LogFinding("note: there is no mark beside the log, so missing last events do not show")]
    return expected, []


def _compare_with_count(connection: SqliteConnection, expected: EventCount | None) -> Iterator[LogFinding]:
    if expected is None:
        return
    found = count_events(connection)
    if expected.epoch != found.epoch:
        yield LogFinding("note: the mark is of another log; the next start will begin a new epoch")
    elif found.events < expected.events:
        yield LogFinding(
            f"the log ends too early: it held {expected.events} events and holds {found.events}, so the newest "
            f"{expected.events - found.events} are missing",
            is_damage=True,
        )


def _ask_sqlite(connection: SqliteConnection) -> Iterator[LogFinding]:
    """Check the indexes by which repeats are recognised, and the file itself."""
    for (complaint,) in connection.execute(f"PRAGMA integrity_check({COMPLAINTS})"):
        if complaint != "ok":
            yield LogFinding(f"SQLite says: {' '.join(str(complaint).split())}", is_damage=True)
