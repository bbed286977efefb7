"""Read markers and the receipts that follow from their moves. Synchronous; the tables are `marks` and `mark_moves`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trio_chat.model.records import MessageReceipt, ReadMarker
from trio_chat.store.base import MOVES_KEPT

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.store.sql.connection import Connection

_MOVED = """
    WITH wanted AS MATERIALIZED (
        SELECT rooms.id AS room_id, value ->> 1 AS person_id,
            max(value ->> 2, value ->> 3) AS delivered, value ->> 3 AS read
        FROM json_each(:moves) JOIN rooms ON rooms.name = value ->> 0
    )
"""
"""The moves as rows; what was read was delivered too."""


def move_read_markers(connection: Connection, moves: Collection[ReadMarker], at_ms: int) -> None:
    """See `Store.move_read_markers`."""
    values = {
        "moves": json.dumps([(move.room, move.person, move.delivered, move.read) for move in moves]),
        "at_ms": at_ms,
    }
    connection.execute(
        f"""
        {_MOVED}
        INSERT INTO mark_moves
        SELECT room_id, person_id, :at_ms, wanted.delivered, wanted.read
        FROM wanted LEFT JOIN marks USING (room_id, person_id)
        WHERE wanted.delivered > coalesce(marks.delivered, 0) OR wanted.read > coalesce(marks.read, 0)
        ON CONFLICT DO UPDATE SET
            delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)
        """,
        values,
    )
    connection.execute(
        f"""
        {_MOVED}
        INSERT INTO marks SELECT * FROM wanted WHERE true
        ON CONFLICT DO UPDATE SET
            delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)
        """,
        values,
    )
    # Each call adds at most one move of a marker.
    connection.execute(
        f"""
        {_MOVED}
        DELETE FROM mark_moves WHERE (room_id, person_id, at_ms) IN (
            SELECT room_id, person_id, (
                SELECT at_ms FROM mark_moves AS move
                WHERE move.room_id = wanted.room_id AND move.person_id = wanted.person_id
                ORDER BY at_ms DESC LIMIT 1 OFFSET {MOVES_KEPT}
            ) FROM wanted
        )
        """,
        values,
    )


def read_markers(connection: Connection, room: str) -> list[ReadMarker]:
    """See `Store.read_markers`."""
    found = connection.execute(
        "SELECT name, person_id, delivered, read FROM rooms JOIN marks ON room_id = id WHERE name = ?",
        (room,),
    )
    return [ReadMarker(*values) for values in found]


def reached(connection: Connection, places: Collection[tuple[str, int]]) -> list[ReadMarker]:
    """See `Store.reached`."""
    found = connection.execute(
        """
        SELECT name, person_id, delivered, read
        FROM json_each(?) JOIN rooms ON name = value ->> 0
            CROSS JOIN members ON members.room_id = rooms.id CROSS JOIN marks USING (room_id, person_id)
        WHERE delivered >= value ->> 1
        """,
        (json.dumps(list(places)),),
    )
    return [ReadMarker(*values) for values in found]


def receipts(
    connection: Connection, room: str, seq: int, *, after: str = "", limit: int
) -> list[MessageReceipt]:
    """See `Store.receipts`."""
    found = connection.execute(
        """
        SELECT person_id,
            min(CASE WHEN delivered >= :seq THEN at_ms END) AS delivered_ms,
            min(CASE WHEN read >= :seq THEN at_ms END) AS read_ms
        FROM mark_moves WHERE room_id = (SELECT id FROM rooms WHERE name = :room)
            AND person_id > :after
        GROUP BY person_id HAVING delivered_ms IS NOT NULL
        ORDER BY person_id LIMIT :limit
        """,
        {"room": room, "seq": seq, "after": after, "limit": limit},
    )
    return [MessageReceipt(*values) for values in found]
