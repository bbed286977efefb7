"""Verification of a whole log, digest by digest: is everything there, and is it what was written?

Read-only; beside a running server or without one. Each read is small, so memory is bounded, and the server's
checkpoints are not held up for long.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import apsw
import attrs

from trio_chat.store.plan import Row
from trio_chat.store.proof import MISSING, START, UNREADABLE, Digests, examine
from trio_chat.store.sql.history import EVENT_COLUMNS, digest_of, is_deleted, read_one
from trio_chat.store.sqlite.epochs import count_events
from trio_chat.store.sqlite.event_count import TornEventCount, read_event_count
from trio_chat.store.sqlite.file import check_is_there, check_sqlite_version, connect_to_read, explaining
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, check_shape, format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trio_chat.store.sqlite.connection import SqliteConnection
    from trio_chat.store.sqlite.event_count import EventCount

FORMAT_WITHOUT_CHANGES = 1
"""In this format nothing could be deleted."""

EVENTS_AT_A_TIME = 2_000
EVENTS_AROUND_DAMAGE = 200
"""Events that are tried one by one where a stretch of the file cannot be read."""

ROOMS_AT_A_TIME = 1_000

COMPLAINTS = 5
"""SQLite's own complaints that are shown: the first says all."""


@attrs.frozen
class RoomFinding:
    """Finding about one room."""

    name: str
    last: int
    """Sequence number of its last event."""
    good: int
    """Number of its events that are what was written."""
    first_bad: int | None
    flaw: str | None
    """Flaw of that one."""

    @property
    def is_damage(self) -> bool:
        """Whether something is wrong."""
        return self.first_bad is not None

    def __str__(self) -> str:
        if self.first_bad is None:
            return f"room {self.name!r}: {_events(self.last)}, all whole"
        return (
            f"room {self.name!r}: DAMAGED, first at event {self.first_bad}: {self.flaw}; "
            f"{self.good} of {_events(self.last)} are whole"
        )


@attrs.frozen
class LogFinding:
    """Finding about the log as a whole: a sentence."""

    sentence: str
    is_damage: bool = False

    def __str__(self) -> str:
        return self.sentence


Finding: TypeAlias = RoomFinding | LogFinding


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
            progress = _Progress(count_events(connection).events, report)
        if version < len(MIGRATIONS):
            notes.append(
                LogFinding(
                    f"note: it has the older format {version}; the server brings it to format {len(MIGRATIONS)} "
                    "when it starts with it"
                )
            )
        yield from _verdict([*notes], _walk(connection, expected, progress))


def _verdict(first: list[LogFinding], rest: Iterator[Finding]) -> Iterator[Finding]:
    yield from first
    rooms = good = 0
    damage: Finding | None = None
    for found in rest:
        if isinstance(found, RoomFinding):
            rooms += 1
            good += found.good
        if found.is_damage:
            damage = damage or found
        yield found
    if damage is None:
        yield LogFinding(f"The log is whole: {_events(good)}, rooms: {rooms}.")
    else:
        yield LogFinding(
            f"THE LOG IS DAMAGED: {damage}. Whole in all rooms: {_events(good)}.", is_damage=True
        )


class _Progress:
    """Counts the events that were read, and reports them now and then."""

    def __init__(self, total: int, report: Callable[[int, int], object]) -> None:
        self._done = 0
        self._total = total
        self._report = report

    def add(self) -> None:
        self._done += 1
        if self._done % EVENTS_AT_A_TIME == 0:
            self._report(min(self._done, self._total), self._total)


def _walk(
    connection: SqliteConnection, expected: EventCount | None, progress: _Progress
) -> Iterator[Finding]:
    try:
        for room_id, name in _rooms(connection):
            yield _walk_room(connection, room_id, name, progress)
        yield from _compare_with_count(connection, expected)
        yield from _ask_sqlite(connection)
    except apsw.Error as error:
        yield LogFinding(f"SQLite cannot read on: {error}", is_damage=True)
    except UnicodeDecodeError:
        yield LogFinding("the list of rooms holds something that is no text", is_damage=True)


def _rooms(connection: SqliteConnection) -> Iterator[tuple[int, str]]:
    last = -(2**63)
    while True:
        some: list[Any] = connection.execute(
            "SELECT id, name FROM rooms WHERE id > ? ORDER BY id LIMIT ?", (last, ROOMS_AT_A_TIME)
        ).fetchall()
        yield from some
        if len(some) < ROOMS_AT_A_TIME:
            return
        last = some[-1][0]


def _walk_room(connection: SqliteConnection, room_id: int, name: str, progress: _Progress) -> RoomFinding:
    before: Digests = START
    last = good = 0
    first_bad: int | None = None
    first_flaw: str | None = None
    flaw: str | None
    for row in _rows(connection, room_id):
        progress.add()
        if isinstance(row, int):  # it cannot be read
            seq, flaw, after = row, UNREADABLE, digest_of(connection, room_id, row)
        else:
            if row.seq != last + 1:
                first_bad, first_flaw = (first_bad, first_flaw) if first_bad else (last + 1, MISSING)
                before = ()
            seq = row.seq
            flaw, after = examine(name, row, before, is_deleted=_is_deleted(connection, room_id, row))
        if flaw is None:
            good += 1
        elif first_bad is None:
            first_bad, first_flaw = seq, flaw
        before, last = after, seq
    return RoomFinding(name, last, good, first_bad, first_flaw)


def _is_deleted(connection: SqliteConnection, room_id: int, row: Row) -> bool:
    if row.body is not None:  # nearly all
        return False
    return format_of(connection) > FORMAT_WITHOUT_CHANGES and is_deleted(connection, room_id, row)


def _rows(connection: SqliteConnection, room_id: int) -> Iterator[Row | int]:
    """Rows of a room in order; for one that exists but cannot be read, its number."""
    last = 0
    while True:
        try:
            some: list[Any] = connection.execute(
                f"SELECT {EVENT_COLUMNS} FROM events WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                (room_id, last, EVENTS_AT_A_TIME),
            ).fetchall()
        except (apsw.CorruptError, UnicodeDecodeError):
            end = min(last + EVENTS_AROUND_DAMAGE, _last(connection, room_id))
            if end <= last:
                return
            for seq in range(last + 1, end + 1):
                yield read_one(connection, room_id, seq) or seq
            last = end
        else:
            if not some:
                return
            yield from map(Row._make, some)
            last = some[-1][0]


def _last(connection: SqliteConnection, room_id: int) -> int:
    last = connection.execute("SELECT max(seq) FROM events WHERE room_id = ?", (room_id,)).get
    return 0 if last is None else last


def _read_event_count(database: Path) -> tuple[EventCount | None, list[LogFinding]]:
    try:
        expected = read_event_count(database)
    except TornEventCount:
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
    """Check what the digests do not cover: events of no room, texts that should be gone, and the indexes by which
    repeats are recognised."""
    lost = connection.execute("SELECT count(*) FROM events WHERE room_id NOT IN (SELECT id FROM rooms)").get
    if lost:
        yield LogFinding(f"{lost} events belong to no room", is_damage=True)
    kept = (
        format_of(connection) > FORMAT_WITHOUT_CHANGES
        and connection.execute(
            "SELECT count(*) FROM changes JOIN events ON events.room_id = changes.room_id AND events.seq = target "
            "WHERE key = 'delete' AND body IS NOT NULL"
        ).get
    )
    if kept:
        yield LogFinding(f"messages that were deleted and still have their text: {kept}", is_damage=True)
    for (complaint,) in connection.execute(f"PRAGMA integrity_check({COMPLAINTS})"):
        if complaint != "ok":
            yield LogFinding(f"SQLite says: {' '.join(str(complaint).split())}", is_damage=True)


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"
