"""Verification of the logs of all rooms, digest by digest: is everything there, and is it what was written?

Synchronous, over any connection. Each read is small, so memory is bounded, and nothing is held up for long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from trio_chat.store.plan import Row
from trio_chat.store.proof import MISSING, START, UNREADABLE, Digests, examine
from trio_chat.store.sql.history import EVENT_COLUMNS, digest_of, is_deleted, read_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trio_chat.store.sql.connection import Connection

EVENTS_AT_A_TIME = 2_000
EVENTS_AROUND_DAMAGE = 200
"""Events that are tried one by one where a stretch of the log cannot be read."""

ROOMS_AT_A_TIME = 1_000


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


def with_verdict(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, and then the verdict."""
    rooms = good = 0
    damage: Finding | None = None
    for found in findings:
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


class RoomsWalk:
    """A walk through the logs of all rooms.

    ``report`` is told how many events were read, of how many (``total``). Without ``has_changes``, of an older format,
    nothing could be deleted.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        total: int,
        report: Callable[[int, int], object],
        has_changes: bool = True,
    ) -> None:
        self._connection = connection
        self._total = total
        self._report = report
        self._has_changes = has_changes
        self._done = 0

    def rooms(self) -> Iterator[RoomFinding]:
        """Findings about the rooms, one after the other, in the order of their ids."""
        last = -(2**63)
        while True:
            some: list[Any] = self._connection.execute(
                "SELECT id, name FROM rooms WHERE id > ? ORDER BY id LIMIT ?", (last, ROOMS_AT_A_TIME)
            ).fetchall()
            for room_id, name in some:
                yield self._room(room_id, name)
            if len(some) < ROOMS_AT_A_TIME:
                return
            last = some[-1][0]

    def remains(self) -> Iterator[LogFinding]:
        """What the digests do not cover: events of no room, and texts that should be gone."""
        lost = self._connection.execute(
            "SELECT count(*) FROM events WHERE NOT EXISTS (SELECT 1 FROM rooms WHERE id = room_id)"
        ).get
        if lost:
            yield LogFinding(f"{lost} events belong to no room", is_damage=True)
        kept = (
            self._has_changes
            and self._connection.execute(
                "SELECT count(*) FROM changes JOIN events ON events.room_id = changes.room_id AND events.seq = target "
                "WHERE key = 'delete' AND body IS NOT NULL"
            ).get
        )
        if kept:
            yield LogFinding(f"messages that were deleted and still have their text: {kept}", is_damage=True)

    def _room(self, room_id: int, name: str) -> RoomFinding:
        before: Digests = START
        last = good = 0
        first_bad: int | None = None
        first_flaw: str | None = None
        flaw: str | None
        for row in self._rows(room_id):
            self._count()
            if isinstance(row, int):  # it cannot be read
                seq, flaw, after = row, UNREADABLE, digest_of(self._connection, room_id, row)
            else:
                if row.seq != last + 1:
                    first_bad, first_flaw = (first_bad, first_flaw) if first_bad else (last + 1, MISSING)
                    before = ()
                seq = row.seq
                flaw, after = examine(name, row, before, is_deleted=self._is_deleted(room_id, row))
            if flaw is None:
                good += 1
            elif first_bad is None:
                first_bad, first_flaw = seq, flaw
            before, last = after, seq
        return RoomFinding(name, last, good, first_bad, first_flaw)

    def _count(self) -> None:
        self._done += 1
        if self._done % EVENTS_AT_A_TIME == 0:
            self._report(min(self._done, self._total), self._total)

    def _is_deleted(self, room_id: int, row: Row) -> bool:
        if row.body is not None:  # nearly all
            return False
        return self._has_changes and is_deleted(self._connection, room_id, row)

    def _rows(self, room_id: int) -> Iterator[Row | int]:
        """Rows of a room in order; for one that exists but cannot be read, its number."""
        last = 0
        while True:
            try:
                some: list[Any] = self._connection.execute(
                    f"SELECT {EVENT_COLUMNS} FROM events WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                    (room_id, last, EVENTS_AT_A_TIME),
                ).fetchall()
            except self._connection.unreadable:
                end = min(last + EVENTS_AROUND_DAMAGE, self._last(room_id))
                if end <= last:
                    return
                for seq in range(last + 1, end + 1):
                    yield read_one(self._connection, room_id, seq) or seq
                last = end
            else:
                if not some:
                    return
                yield from map(Row._make, some)
                last = some[-1][0]

    def _last(self, room_id: int) -> int:
        last = self._connection.execute("SELECT max(seq) FROM events WHERE room_id = ?", (room_id,)).get
        return 0 if last is None else last


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"
