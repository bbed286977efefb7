"""Comparing both ends of a move: they must hold the same. Synchronous.

The log is compared by the numbers and digests of the last events of all rooms: each digest covers the one before it.
That what stands between is what was read is compared when it is copied (`Copier.copy_events`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trio_chat.errors import StartError
from trio_chat.store.moving.copying import ROOMS_AT_A_TIME, pages
from trio_chat.store.sql.tables import BESIDE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.store.moving.copying import Copier
    from trio_chat.store.moving.end import End, Row
    from trio_chat.store.sql.connection import Connection


def compare_rows(source: End, target: End, copier: Copier) -> None:
    """Compare each row of all tables but the log. Raises `StartError` if one differs."""
    for table in BESIDE_EVENTS:
        columns = copier.columns(table)
        here = pages(source.connection, table, columns)
        there = pages(target.connection, table, columns)
        # Pages that are the same end at both ends, or at neither.
        if any(one != other for one, other in zip(here, there, strict=True)):
            raise _differs(f"the table {table.name}")


def compare_counts(source: End, target: End) -> None:
    """Compare how many rows the tables have. Raises `StartError` if they differ."""
    for table in BESIDE_EVENTS:
        counted = f"SELECT count(*) FROM {table.name}"
        if source.connection.execute(counted).get != target.connection.execute(counted).get:
            raise _differs(f"the table {table.name}")


def compare_logs(source: End, target: End) -> tuple[int, int]:
    """Compare where the logs of all rooms end, and with which digests. Returns how many rooms and events there are.
    Raises `StartError` if they differ."""
    rooms = events = 0
    for here, there in zip(_ends(source.connection), _ends(target.connection), strict=True):
        if here != there:
            raise _differs("the log")
        rooms += len(here)
        events += sum(seq or 0 for _, _, _, seq, _ in here)
    return rooms, events


def _ends(connection: Connection) -> Iterator[list[Row]]:
    last = -(2**63)
    while True:
        found: list[Any] = connection.execute(
            """
            SELECT rooms.id, rooms.name, rooms.epoch, events.seq, events.digest
            FROM rooms LEFT JOIN events ON events.room_id = rooms.id
                AND events.seq = (SELECT max(seq) FROM events AS each WHERE each.room_id = rooms.id)
            WHERE rooms.id > ? ORDER BY rooms.id LIMIT ?
            """,
            (last, ROOMS_AT_A_TIME),
        ).fetchall()
        yield found
        if len(found) < ROOMS_AT_A_TIME:
            return
        last = found[-1][0]


def _differs(what: str) -> StartError:
    return StartError(
        f"After copying, {what} is not the same at both ends: nothing was moved. This is a bug, or one of the disks "
        "is bad: run trio-chat verify."
    )
