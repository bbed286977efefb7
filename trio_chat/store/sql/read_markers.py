"""Read markers and the receipts that follow from their moves. Synchronous; the tables are `marks` and `mark_moves`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trio_chat.kinds.facts import LOBBY
from trio_chat.model.records import MessageReceipt, ReadMarker
from trio_chat.store.contract.people import MOVES_KEPT
from trio_chat.store.sql import list_changes

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.store.sql.connection import Connection


def move_read_markers(connection: Connection, moves: Collection[ReadMarker], at_ms: int) -> None:
    """See `Store.move_read_markers`."""
    greatest = connection.dialect.greatest
    table = connection.dialect.rows_of("room text, person_id text, delivered int, read int")
    moved = f"""
        WITH wanted AS MATERIALIZED (
            SELECT rooms.id AS room_id, person_id, delivered, read
            FROM {table} AS move JOIN rooms ON rooms.name = room
        )
    """
    wanted = json.dumps(_furthest(moves))
    # All in one order, so that two who move the same markers do not wait for each other for ever.
    connection.execute(
        f"""
        {moved}
        INSERT INTO mark_moves (room_id, person_id, at_ms, delivered, read)
        SELECT room_id, person_id, ?2, wanted.delivered, wanted.read
        FROM wanted LEFT JOIN marks USING (room_id, person_id)
        WHERE wanted.delivered > coalesce(marks.delivered, 0) OR wanted.read > coalesce(marks.read, 0)
        ORDER BY room_id, person_id
        ON CONFLICT (room_id, person_id, at_ms) DO UPDATE SET
            delivered = {greatest}(mark_moves.delivered, excluded.delivered),
            read = {greatest}(mark_moves.read, excluded.read)
        """,
        (wanted, at_ms),
    )
    connection.execute(
        f"""
        {moved}
        INSERT INTO marks (room_id, person_id, delivered, read)
        SELECT room_id, person_id, delivered, read FROM wanted WHERE true ORDER BY room_id, person_id
        ON CONFLICT (room_id, person_id) DO UPDATE SET
            delivered = {greatest}(marks.delivered, excluded.delivered),
            read = {greatest}(marks.read, excluded.read)
        """,
        (wanted,),
    )
    # The lobby is told in any case, and has the most to note.
    list_changes.note_rooms(
        connection,
        f"SELECT id FROM rooms WHERE name IN {connection.dialect.texts} AND name <> ?",
        (json.dumps(sorted({move.room for move in moves})), LOBBY),
    )
    # Each call adds at most one move of a marker.
    connection.execute(
        f"""
        {moved}
        DELETE FROM mark_moves WHERE (room_id, person_id, at_ms) IN (
            SELECT room_id, person_id, (
                SELECT at_ms FROM mark_moves AS move
                WHERE move.room_id = wanted.room_id AND move.person_id = wanted.person_id
                ORDER BY at_ms DESC LIMIT 1 OFFSET {MOVES_KEPT}
            ) FROM wanted
        )
        """,
        (wanted,),
    )


def _furthest(moves: Collection[ReadMarker]) -> list[tuple[str, str, int, int]]:
    """One move for each marker. What was read was delivered too."""
    furthest: dict[tuple[str, str], tuple[int, int]] = {}
    for move in moves:
        delivered, read = furthest.get((move.room, move.person), (0, 0))
        read = max(read, move.read)
        furthest[move.room, move.person] = max(delivered, move.delivered, read), read
    return [(*marker, *places) for marker, places in furthest.items()]


def read_markers(connection: Connection, room: str) -> list[ReadMarker]:
    """See `Store.read_markers`."""
    found = connection.execute(
        """
        SELECT name, person_id, delivered, read FROM rooms JOIN marks ON room_id = id
        WHERE name = ? ORDER BY person_id
        """,
        (room,),
    )
    return [ReadMarker(*values) for values in found]


def reached(connection: Connection, places: Collection[tuple[str, int]], *, person: str) -> list[ReadMarker]:
    """Read markers of members that have come to these places (room, number) of these rooms, as far as ``person`` is
    shown them (`trio_chat.presence.privacy`): by what the database says at this moment, since they are told again only
    when that changes."""
    wanted = connection.dialect.rows_of("room text, seq int")
    found = connection.execute(
        f"""
        SELECT rooms.name, members.person_id, delivered, read
        FROM {wanted} AS place JOIN rooms ON rooms.name = room
            CROSS JOIN members CROSS JOIN marks JOIN people ON people.id = marks.person_id
        WHERE members.room_id = rooms.id AND marks.room_id = members.room_id
            AND marks.person_id = members.person_id AND delivered >= place.seq
            AND members.person_id <> ?2 AND shows_receipts <> 0
            AND (SELECT shows_receipts FROM people WHERE id = ?2) <> 0
            AND NOT EXISTS (
                SELECT 1 FROM blocks
                WHERE (blocks.person_id, blocked_id) IN ((?2, members.person_id), (members.person_id, ?2))
            )
        """,
        (json.dumps(list(places)), person),
    )
    return [ReadMarker(*values) for values in found]


def receipts(
    connection: Connection, room: str, seq: int, *, after: str = "", limit: int
) -> list[MessageReceipt]:
    """See `Store.receipts`."""
    found = connection.execute(
        """
        SELECT person_id,
            min(CASE WHEN delivered >= ?2 THEN at_ms END),
            min(CASE WHEN read >= ?2 THEN at_ms END)
        FROM mark_moves WHERE room_id = (SELECT id FROM rooms WHERE name = ?1) AND person_id > ?3
        GROUP BY person_id HAVING min(CASE WHEN delivered >= ?2 THEN at_ms END) IS NOT NULL
        ORDER BY person_id LIMIT ?4
        """,
        (room, seq, after, limit),
    )
    return [MessageReceipt(*values) for values in found]
