"""Verification of a whole log in a PostgreSQL database, which servers may be using. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.postgresql.beside_servers import open_to_read
from trio_chat.store.sql.verify import LogFinding, RoomsWalk, with_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trio_chat.store.postgresql.connection import PostgresqlConnection
    from trio_chat.store.sql.verify import Finding


def verify(url: str, *, report: Callable[[int, int], object] = lambda done, total: None) -> Iterator[Finding]:
    """Findings about the log, room by room, and then as a whole; the last is the verdict.

    ``report`` is told how many events were read, and how many there are. Raises `StartError` if there is no log that
    can be read at all.
    """
    with open_to_read(url) as connection:
        total = connection.execute("SELECT coalesce(sum(head), 0) FROM rooms").get
        walk = RoomsWalk(connection, total=total, report=report)
        yield from with_verdict(_walk(connection, walk))


def _walk(connection: PostgresqlConnection, walk: RoomsWalk) -> Iterator[Finding]:
    try:
        yield from walk.rooms()
        yield from _compare_with_heads(connection)
        yield from walk.remains()
    except connection.unreadable as error:
        yield LogFinding(f"PostgreSQL cannot read on: {' '.join(str(error).split())}", is_damage=True)


def _compare_with_heads(connection: PostgresqlConnection) -> Iterator[LogFinding]:
    """Each room's row says where its log ends, and with which digest."""
    for name, head, last in connection.execute(
        """
        SELECT name, head, coalesce(last.seq, 0)
        FROM rooms LEFT JOIN LATERAL (
            SELECT seq, digest FROM events WHERE room_id = rooms.id ORDER BY seq DESC LIMIT 1
        ) AS last ON true
        WHERE head <> coalesce(last.seq, 0) OR rooms.digest <> coalesce(last.digest, decode(repeat('00', 32), 'hex'))
        ORDER BY id
        """
    ):
        if head > last:
            yield LogFinding(
                f"the log of room {name!r} ends too early: it held {head} events and ends at {last}, so the newest "
                f"{head - last} are missing",
                is_damage=True,
            )
        else:
            yield LogFinding(
                f"room {name!r} does not know the end of its log: what is written next would not follow it",
                is_damage=True,
            )
