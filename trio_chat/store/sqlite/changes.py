"""Reads of changes: edits and other changes of messages, and a person's own room. Synchronous, over any connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trio_chat.kinds.facts import personal_room
from trio_chat.kinds.table import MESSAGES
from trio_chat.model.events import DAMAGED
from trio_chat.store.sqlite.history import events_at, find_room_id, position, snapshot

if TYPE_CHECKING:
    from collections.abc import Collection

    import apsw

    from trio_chat.model.events import Event, Position


def read_changes(connection: apsw.Connection, room: str, seqs: Collection[int], *, limit: int) -> list[Event]:
    """See `Store.read_changes`."""
    room_id = find_room_id(connection, room)
    if room_id is None:
        return []
    found: list[Any] = connection.execute(
        "SELECT seq FROM json_each(?) CROSS JOIN changes ON room_id = ? AND target = value LIMIT ?",
        (json.dumps(list(dict.fromkeys(seqs))), room_id, limit),
    ).fetchall()
    return events_at(connection, [(room, room_id, seq) for (seq,) in found])


def read_versions(
    connection: apsw.Connection, room: str, seq: int, *, after: int = 0, limit: int
) -> list[Event]:
    """See `Store.read_versions`."""
    room_id = find_room_id(connection, room)
    if room_id is None:
        return []
    edits: list[Any] = connection.execute(
        "SELECT seq FROM edits WHERE room_id = ? AND target = ? AND seq > ? ORDER BY seq LIMIT ?",
        (room_id, seq, after, limit),
    ).fetchall()
    events = events_at(connection, [(room, room_id, one) for one in (seq, *(edit for (edit,) in edits))])
    return events if events and events[0].kind in {*MESSAGES, DAMAGED} else []


def personal(
    connection: apsw.Connection, person: str, *, before: int | None = None, limit: int
) -> tuple[Position, list[Event]]:
    """See `Store.personal`."""
    room = personal_room(person)
    with snapshot(connection):
        room_id = find_room_id(connection, room)
        found = connection.execute(
            """
            SELECT seq FROM changes WHERE room_id = ?1 AND target = 0 AND coalesce(seq < ?2, true)
            ORDER BY seq DESC LIMIT ?3
            """,
            (room_id, before, limit),
        )
        places = [(room, room_id, seq) for (seq,) in found if room_id is not None]
        return position(connection, room), events_at(connection, places)
