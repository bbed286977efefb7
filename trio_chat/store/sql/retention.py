"""Retention: which messages have expired. Synchronous, over any connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trio_chat.kinds.table import MESSAGES
from trio_chat.model.records import RoomRetention
from trio_chat.store.sql.history import find_room_id

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


def retentions(connection: Connection, *, after: str, limit: int) -> list[RoomRetention]:
    """See `Store.retentions`."""
    found: list[Any] = connection.execute(
        """
        SELECT name, kind, coalesce(policy ->> '$.retention_days', 0) FROM rooms
        WHERE name > ? ORDER BY name LIMIT ?
        """,
        (after, limit),
    ).fetchall()
    return [RoomRetention(*values) for values in found]


def expired_messages(
    connection: Connection, room: str, *, before_ms: int, after: int, limit: int
) -> tuple[list[int], int]:
    """See `Store.expired_messages`."""
    expired: list[int] = []
    for seq, kind, at_ms, is_there in connection.execute(
        """
        SELECT seq, kind, at_ms, body IS NOT NULL FROM events WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?
        """,
        (find_room_id(connection, room), after, limit),
    ):
        if at_ms >= before_ms:
            break
        if is_there and kind in MESSAGES:
            expired.append(seq)
        after = seq
    return expired, after
