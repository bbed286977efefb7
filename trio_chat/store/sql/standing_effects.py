"""Effects of events about roles, restrictions, modes and reports. The same holds as for `effects`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.kinds.standing import MEMBER, MODERATOR, OPEN, OWNER, PROBATION
from trio_chat.store.sql import list_changes, newcomers
from trio_chat.store.sql.erasing import erase_texts
from trio_chat.store.sql.uploads import drop_uploads_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.kinds.moderation import Knock, Restriction
    from trio_chat.kinds.modes import Mode, Trust
    from trio_chat.kinds.reports import Report, Resolve
    from trio_chat.kinds.roles import Role
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection


def give_roles(connection: Connection, room_id: int, events: Sequence[tuple[Row, Role]]) -> None:
    """Give people their roles."""
    is_server = _is_server(connection, room_id)
    for row, body in events:
        if not is_server:
            if body.role == OWNER:
                connection.execute(
                    "UPDATE members SET role = ? WHERE room_id = ? AND role = ?", (MODERATOR, room_id, OWNER)
                )
                connection.execute("UPDATE rooms SET owner = ? WHERE id = ?", (body.person, room_id))
            connection.execute(
                "UPDATE members SET role = ? WHERE room_id = ? AND person_id = ?",
                (body.role, room_id, body.person),
            )
        elif body.role == MEMBER:
            remove_member(connection, room_id, body.person)
        else:
            connection.execute(
                "INSERT INTO members VALUES (?, ?, ?, ?) "
                "ON CONFLICT (room_id, person_id) DO UPDATE SET role = excluded.role",
                (room_id, body.person, body.role, row.seq),
            )
            _look_at(connection, room_id, body.person)
        if body.link is not None:
            connection.execute("DELETE FROM owner_links")


def ban(connection: Connection, room_id: int, events: Sequence[tuple[Row, Restriction]]) -> None:
    """Ban people, with the links that they have made, or lift their bans."""
    is_server = _is_server(connection, room_id)
    for row, body in events:
        _restrict(connection, room_id, row, body)
        if is_server:
            newcomers.ban_addresses(connection, body, row.at_ms)
        if body.on:
            remove_member(connection, room_id, body.person)
            stop_knocking(connection, room_id, body.person)
            connection.execute(
                "DELETE FROM invites WHERE person_id = ? AND (room_id = ? OR ? <> 0)",
                (body.person, room_id, is_server),
            )
        if body.on and is_server:
            drop_uploads_of(connection, body.person)


def mute(connection: Connection, room_id: int, events: Sequence[tuple[Row, Restriction]]) -> None:
    """Mute people, or lift that."""
    for row, body in events:
        _restrict(connection, room_id, row, body)


def _restrict(connection: Connection, room_id: int, row: Row, body: Restriction) -> None:
    connection.execute("DELETE FROM restrictions WHERE room_id = ? AND ends_ms <= ?", (room_id, row.at_ms))
    if body.on:
        connection.execute(
            """
            INSERT INTO restrictions (room_id, person_id, kind, ends_ms, seq, was_in, reason)
            SELECT ?1, ?2, ?3, ?4, ?5, CASE WHEN
                EXISTS (SELECT 1 FROM members WHERE room_id = ?1 AND person_id = ?2)
                OR EXISTS (SELECT 1 FROM knocks WHERE room_id = ?1 AND person_id = ?2)
                OR EXISTS (
                    SELECT 1 FROM restrictions WHERE room_id = ?1 AND person_id = ?2 AND kind = ?3 AND was_in <> 0
                )
            THEN 1 ELSE 0 END, ?6
            WHERE true ON CONFLICT (room_id, person_id, kind) DO UPDATE
            SET ends_ms = excluded.ends_ms, seq = excluded.seq, was_in = excluded.was_in, reason = excluded.reason
            """,
            (room_id, body.person, row.kind, body.ends_ms, row.seq, body.reason),
        )
    else:
        lift(connection, room_id, body.person, row.kind)


def lift(connection: Connection, room_id: int, person: str, kind: str) -> None:
    """Lift a ban or a mute."""
    connection.execute(
        "DELETE FROM restrictions WHERE room_id = ? AND person_id = ? AND kind = ?", (room_id, person, kind)
    )


def remove_member(connection: Connection, room_id: int, person: str) -> object:
    """Remove a member, and say what role they had."""
    list_changes.note_people(connection, [person])
    return connection.execute(
        "DELETE FROM members WHERE room_id = ? AND person_id = ? RETURNING role", (room_id, person)
    ).get


def knock(connection: Connection, room_id: int, events: Sequence[tuple[Row, Knock]]) -> None:
    """Note who knocks."""
    for row, body in events:
        if body.on:
            connection.execute(
                "INSERT INTO knocks VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (room_id, body.person, row.seq)
            )
        else:
            stop_knocking(connection, room_id, body.person)
        if body.invite is not None:
            newcomers.note_inviter(connection, body.person, body.invite, row.at_ms)


def stop_knocking(connection: Connection, room_id: int, person: str) -> None:
    """Note that somebody does not knock any more."""
    connection.execute("DELETE FROM knocks WHERE room_id = ? AND person_id = ?", (room_id, person))


def set_mode(connection: Connection, room_id: int, events: Sequence[tuple[Row, Mode]]) -> None:
    """Give the server its mode."""
    for _, body in events:
        chosen = {"mode": body.mode, "quiet_until_ms": body.quiet_until_ms}
        connection.execute(
            f"UPDATE rooms SET policy = {connection.dialect.patched_policy} WHERE id = ?",
            (json.dumps({name: value for name, value in chosen.items() if value is not None}), room_id),
        )
        if body.mode in (OPEN, PROBATION):
            connection.execute("DELETE FROM knocks WHERE room_id = ?", (room_id,))
            newcomers.let_all_in(connection)


def trust(connection: Connection, room_id: int, events: Sequence[tuple[Row, Trust]]) -> None:
    """Note who was looked at."""
    for _, body in events:
        if body.on:
            _look_at(connection, room_id, body.person)
        else:
            newcomers.look_away(connection, body.person)


def _look_at(connection: Connection, room_id: int, person: str) -> None:
    newcomers.look_at(connection, person)
    stop_knocking(connection, room_id, person)


def _is_server(connection: Connection, room_id: int) -> bool:
    return bool(connection.execute("SELECT name = ? FROM rooms WHERE id = ?", (SERVER_ROOM, room_id)).get)


def report(connection: Connection, room_id: int, events: Sequence[tuple[Row, Report]]) -> None:
    """Note open reports."""
    connection.executemany("INSERT INTO reports (seq) VALUES (?)", [(row.seq,) for row, _ in events])


def resolve(connection: Connection, room_id: int, events: Sequence[tuple[Row, Resolve]]) -> None:
    """Note who looks after reports; erase the texts of those that are done."""
    for row, body in events:
        if body.state == "done":
            connection.execute("DELETE FROM reports WHERE seq = ?", (body.target,))
            erase_texts(connection, room_id, [body.target])
        else:
            taken_by = row.sender if body.state == "taken" else None
            connection.execute("UPDATE reports SET taken_by = ? WHERE seq = ?", (taken_by, body.target))
