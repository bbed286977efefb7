"""Rows that an append reads and writes, in statements of many rows. Synchronous, inside the writer's transaction."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from trio_chat.kinds.facts import PUBLIC, kind_of_new
from trio_chat.kinds.standing import DEFAULT_POLICY, Policy
from trio_chat.store.plan import CommandId, Head, Known, Row
from trio_chat.store.sql.batches import portions, with_values
from trio_chat.store.sql.standing import read_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.sql.connection import Connection


class CachedRoom(NamedTuple):
    """State of a room that every append to it needs."""

    id: int | None
    """None: nobody wrote to it yet."""
    head: Head
    kind: str
    owner: str | None
    members: frozenset[str] | None
    """Members of a room that is not public: the rules ask for them with every message there."""
    bytes: int
    """What is in it, in bytes (`trio_chat.store.space`), or what was before some of it was deleted."""
    policy: Policy = DEFAULT_POLICY
    has_restrictions: bool = False
    """Whether anybody is banned from the room, or muted in it."""

    @property
    def is_open_to_all(self) -> bool:
        """Whether everybody may write messages as they like, as far as the room is concerned."""
        return self.kind == PUBLIC and not self.has_restrictions and not self.policy.limits_writing


def insert_events(connection: Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write the rows, each with its room's id first, and empty the list."""
    for some in portions(rows):
        connection.execute(
            with_values("INSERT INTO events VALUES {}", len(some), 1 + len(Row._fields)),
            [value for row in some for value in row],
        )
    rows.clear()


def find_known(connection: Connection, commands: Sequence[CommandId]) -> dict[CommandId, Known]:
    """Those of the commands that are in the log already."""
    return {
        (sender, client_id): Known(*known)
        for some in portions(commands)
        for sender, client_id, *known in connection.execute(
            with_values(
                """
                WITH wanted (sender, client_id) AS (VALUES {})
                SELECT sender, client_id, rooms.name, seq, events.kind, salt, body_digest, events.name
                FROM wanted CROSS JOIN events USING (sender, client_id) JOIN rooms ON rooms.id = room_id
                """,
                len(some),
                2,
            ),
            [value for command in some for value in command],
        )
    }


def find_came_ms(connection: Connection, person: str) -> int | None:
    """When the person came; None for somebody who is not registered."""
    came_ms: int | None = connection.execute("SELECT created_at_ms FROM people WHERE id = ?", (person,)).get
    return came_ms


def find_known_ms(connection: Connection, person: str) -> int | None:
    """Since when the person is known (`trio_chat.kinds.newcomers`); None for a guest."""
    known_ms: int | None = connection.execute(
        "SELECT coalesce(known_ms, created_at_ms) FROM people WHERE id = ?", (person,)
    ).get
    return known_ms


def read_room(connection: Connection, name: str) -> CachedRoom:
    """The room as it is in the database, whether anybody wrote to it or not."""
    found = connection.execute(
        """
        SELECT id, rooms.kind, owner, bytes, policy, seq, digest,
            EXISTS (SELECT 1 FROM restrictions WHERE restrictions.room_id = id)
        FROM rooms LEFT JOIN events ON events.room_id = id
        WHERE rooms.name = ? ORDER BY seq DESC LIMIT 1
        """,
        (name,),
    ).fetchone()
    if found is None:
        kind = kind_of_new(name)
        return CachedRoom(None, Head(), kind, None, None if kind == PUBLIC else frozenset(), 0)
    room_id, kind, owner, size, policy, seq, digest, has_restrictions = found
    return CachedRoom(
        room_id,
        Head() if seq is None else Head(seq, digest),
        kind,
        owner,
        None if kind == PUBLIC else _read_members(connection, room_id),
        size,
        read_policy(policy),
        bool(has_restrictions),
    )


def _read_members(connection: Connection, room_id: int) -> frozenset[str]:
    # Interned: the same people are in many of the rooms that are remembered.
    return frozenset(
        sys.intern(person)
        for (person,) in connection.execute("SELECT person_id FROM members WHERE room_id = ?", (room_id,))
    )


def make_room(connection: Connection, name: str) -> int:
    """Make the row of a room that nobody wrote to yet; its id."""
    room_id = connection.execute(
        "INSERT INTO rooms (name, epoch, kind) SELECT ?, value, ? FROM meta WHERE key = 'epoch' RETURNING id",
        (name, kind_of_new(name)),
    ).get
    assert isinstance(room_id, int)
    return room_id
