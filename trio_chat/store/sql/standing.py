"""Standing: roles, restrictions, policies, knocks and owner links. Synchronous; writes belong into the writer's
transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.kinds.facts import LOBBY, SERVER_ROOM
from trio_chat.kinds.standing import BAN, MUTE, OPEN, OWNER, Mode, Policy, Server

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

GUESTS_WINDOW = 5_000
"""Messages of guests are looked for among so many of the lobby's newest events."""


class _ServerPolicy(msgspec.Struct, frozen=True):
    """What stands in the place of a room's policy in the server room."""

    mode: Mode | None = None
    quiet_until_ms: int = 0


read_policy = msgspec.json.Decoder(Policy).decode
_read_server_policy = msgspec.json.Decoder(_ServerPolicy).decode


def server(connection: Connection, *, default_mode: Mode = OPEN) -> Server:
    """See `Store.server`."""
    found = connection.execute("SELECT id, policy FROM rooms WHERE name = ?", (SERVER_ROOM,)).fetchone()
    if found is None:
        return Server(mode=default_mode)
    room_id, policy = found
    restrictions = restrictions_of(connection, room_id)
    chosen = _read_server_policy(policy)
    return Server(
        roles=roles_of(connection, room_id),
        bans={person: ends_ms for (kind, person), ends_ms in restrictions.items() if kind == BAN},
        mutes={person: ends_ms for (kind, person), ends_ms in restrictions.items() if kind == MUTE},
        reasons=_reasons_of_bans(connection, room_id),
        mode=chosen.mode or default_mode,
        quiet_until_ms=chosen.quiet_until_ms,
        knocking=frozenset(knocking(connection, room_id)),
    )


def roles_of(connection: Connection, room_id: int) -> dict[str, str]:
    """Role of each member of a room (its id), in the order in which they came."""
    found: list[Any] = connection.execute(
        "SELECT person_id, role FROM members WHERE room_id = ? ORDER BY seq", (room_id,)
    ).fetchall()
    return dict(found)


def some_roles_of(connection: Connection, room_id: int, *, after: str, limit: int) -> dict[str, str]:
    """The same of so many members whose ids come after this one, by their ids."""
    found: list[Any] = connection.execute(
        "SELECT person_id, role FROM members WHERE room_id = ? AND person_id > ? ORDER BY person_id LIMIT ?",
        (room_id, after, limit),
    ).fetchall()
    return dict(found)


def restrictions_of(connection: Connection, room_id: int | None) -> dict[tuple[str, str], int]:
    """When each restriction in a room (its id) ends, by its kind and the person."""
    found: list[Any] = connection.execute(
        "SELECT kind, person_id, ends_ms FROM restrictions WHERE room_id = ?", (room_id,)
    ).fetchall()
    return {(kind, person): ends_ms for kind, person, ends_ms in found}


def _reasons_of_bans(connection: Connection, room_id: int) -> dict[str, str]:
    found: list[Any] = connection.execute(
        "SELECT person_id, reason FROM restrictions WHERE room_id = ? AND kind = 'ban' AND reason <> ''",
        (room_id,),
    ).fetchall()
    return dict(found)


def knocking(connection: Connection, room_id: int | None) -> list[str]:
    """Those who wait to be let into a room (its id), in the order in which they came."""
    found: list[Any] = connection.execute(
        "SELECT person_id FROM knocks WHERE room_id = ? ORDER BY seq", (room_id,)
    ).fetchall()
    return [person for (person,) in found]


def open_reports(connection: Connection) -> dict[int, str | None]:
    """See `Store.open_reports`."""
    found: list[Any] = connection.execute("SELECT seq, taken_by FROM reports ORDER BY seq").fetchall()
    return dict(found)


def messages_of(
    connection: Connection, person: str, *, room: str | None, since_ms: int, limit: int
) -> list[tuple[str, int]]:
    """See `Store.messages_of`."""
    # Guests have no client ids, by which everybody else's commands are indexed.
    is_guest = person.startswith("g-")
    candidates = (
        f"(SELECT * FROM events WHERE room_id = (SELECT id FROM rooms WHERE name = '{LOBBY}') "
        f"ORDER BY seq DESC LIMIT {GUESTS_WINDOW}) AS events"
        if is_guest
        else f"events{connection.dialect.by_index('commands')}"
    )
    found: list[Any] = connection.execute(
        f"""
        SELECT rooms.name, seq FROM {candidates} JOIN rooms ON rooms.id = room_id
        WHERE sender = ?1 {"" if is_guest else "AND client_id IS NOT NULL"}
            AND events.kind IN ('message', 'post') AND body IS NOT NULL AND at_ms >= ?2
            AND CASE WHEN CAST(?3 AS text) IS NULL THEN rooms.kind = 'public' ELSE rooms.name = ?3 END
        ORDER BY at_ms DESC LIMIT ?4
        """,
        (person, since_ms, room, limit),
    ).fetchall()
    return found


def add_owner_link(connection: Connection, link_hash: bytes, *, ends_ms: int, at_ms: int) -> None:
    """See `Store.add_owner_link`."""
    connection.execute("DELETE FROM owner_links WHERE ends_ms <= ?", (at_ms,))
    connection.execute("INSERT INTO owner_links VALUES (?, ?)", (link_hash, ends_ms))


def is_owner_link(connection: Connection, link_hash: bytes, *, at_ms: int) -> bool:
    """See `Store.is_owner_link`."""
    found = connection.execute("SELECT 1 FROM owner_links WHERE hash = ? AND ends_ms > ?", (link_hash, at_ms))
    return bool(found.get)


def has_owner(connection: Connection) -> bool:
    """See `Store.has_owner`."""
    return OWNER in server(connection).roles.values()
