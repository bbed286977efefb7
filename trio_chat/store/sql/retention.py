"""Retention: which messages have expired. Synchronous, over any connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.kinds.table import MESSAGES
from trio_chat.model.records import RoomRetention
from trio_chat.store.sql.history import find_room_id
from trio_chat.store.sql.search_index import MAX_CHARS

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


class _Days(msgspec.Struct, frozen=True, gc=False):
    """What of a room's policy, or of what stands in its place in the server room, is about retention."""

    retention_days: int = 0


_read_days = msgspec.json.Decoder(_Days).decode


def retentions(connection: Connection, *, after: str, limit: int) -> list[RoomRetention]:
    """See `Store.retentions`."""
    found: list[Any] = connection.execute(
        "SELECT name, kind, policy FROM rooms WHERE name > ? ORDER BY name LIMIT ?", (after, limit)
    ).fetchall()
    return [RoomRetention(name, kind, _read_days(policy).retention_days) for name, kind, policy in found]


def expired_messages(
    connection: Connection, room: str, *, before_ms: int, after: int, limit: int
) -> tuple[list[int], int]:
    """See `Store.expired_messages`."""
    expired: list[int] = []
    chars = 0
    for seq, kind, at_ms, length in connection.execute(
        "SELECT seq, kind, at_ms, length(body) FROM events WHERE room_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (find_room_id(connection, room), after, limit),
    ):
        if at_ms >= before_ms or chars >= MAX_CHARS:
            break
        if length is not None and kind in MESSAGES:
            expired.append(seq)
            chars += length
        after = seq
    return expired, after
