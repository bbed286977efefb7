"""Standing: roles, restrictions, policies, knocks and owner links. Synchronous; writes belong into the writer's
transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.standing import BAN, MUTE, OWNER, Policy, Server

if TYPE_CHECKING:
    import apsw

read_policy = msgspec.json.Decoder(Policy).decode


def server(connection: apsw.Connection) -> Server:
    """See `Store.server`."""
    found = connection.execute("SELECT id FROM rooms WHERE name = ?", (SERVER_ROOM,)).get
    if found is None:
        return Server()
    assert isinstance(found, int)
    restrictions = restrictions_of(connection, found)
    return Server(
        roles=roles_of(connection, found),
        bans={person: ends_ms for (kind, person), ends_ms in restrictions.items() if kind == BAN},
        mutes={person: ends_ms for (kind, person), ends_ms in restrictions.items() if kind == MUTE},
    )


def roles_of(connection: apsw.Connection, room_id: int) -> dict[str, str]:
    """Role of each member of a room (its id), in the order in which they came."""
    found: list[Any] = connection.execute(
        "SELECT person_id, role FROM members WHERE room_id = ? ORDER BY seq", (room_id,)
    ).fetchall()
    return dict(found)


def restrictions_of(connection: apsw.Connection, room_id: int | None) -> dict[tuple[str, str], int]:
    """When each restriction in a room (its id) ends, by its kind and the person."""
    found: list[Any] = connection.execute(
        "SELECT kind, person_id, ends_ms FROM restrictions WHERE room_id = ?", (room_id,)
    ).fetchall()
    return {(kind, person): ends_ms for kind, person, ends_ms in found}


def knocking(connection: apsw.Connection, room_id: int | None) -> list[str]:
    """Those who wait to be let into a room (its id), in the order in which they came."""
    found: list[Any] = connection.execute(
        "SELECT person_id FROM knocks WHERE room_id = ? ORDER BY seq", (room_id,)
    ).fetchall()
    return [person for (person,) in found]


def add_owner_link(connection: apsw.Connection, link_hash: bytes, *, ends_ms: int, at_ms: int) -> None:
    """See `Store.add_owner_link`."""
    connection.execute("DELETE FROM owner_links WHERE ends_ms <= ?", (at_ms,))
    connection.execute("INSERT INTO owner_links VALUES (?, ?)", (link_hash, ends_ms))


def has_owner(connection: apsw.Connection) -> bool:
    """See `Store.has_owner`."""
    return OWNER in server(connection).roles.values()
