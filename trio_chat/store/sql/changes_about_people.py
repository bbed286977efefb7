"""Changes about people: where events are that changed who is in a room, or whom somebody blocks. Synchronous.

Nodes look for those of other nodes of which no message came. In PostgreSQL an index has them by when they were written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trio_chat.kinds.personal import BLOCK
from trio_chat.kinds.rooms import CREATED, MEMBER
from trio_chat.kinds.standing import BAN
from trio_chat.model.records import EventPlace

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

ABOUT_PEOPLE: Final = f"kind IN ('{CREATED}', '{MEMBER}', '{BAN}', '{BLOCK}')"
"""Which events these are: in the query as in the index. (Those of the server room, all nodes follow anyway.)"""


def changes_about_people(
    connection: Connection, *, since_ms: int, after: EventPlace | None = None, limit: int
) -> list[EventPlace]:
    """See `Store.changes_about_people`."""
    beyond = EventPlace(since_ms, "", 0) if after is None else after
    found: list[Any] = connection.execute(
        f"""
        SELECT at_ms, (SELECT name FROM rooms WHERE id = room_id), seq FROM events
        WHERE {ABOUT_PEOPLE}
            AND (at_ms, room_id, seq) > (?1, coalesce((SELECT id FROM rooms WHERE name = ?2), 0), ?3)
        ORDER BY at_ms, room_id, seq LIMIT ?4
        """,
        (*beyond, limit),
    ).fetchall()
    return [EventPlace(*place) for place in found]
