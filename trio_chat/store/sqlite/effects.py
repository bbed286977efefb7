"""Effects of events that are no messages: changes of other tables, in the transaction that writes the event.

The rules have allowed the event (`trio_chat.kinds.rules`), so there is nothing left to decide.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from trio_chat.kinds import rooms
from trio_chat.kinds.facts import DIRECT, SERVER_ROOM
from trio_chat.kinds.messages import DELETE, EDIT, POST
from trio_chat.kinds.moderation import KNOCK
from trio_chat.kinds.modes import MODE, TRUST
from trio_chat.kinds.personal import BLOCK, HIDE, LEVEL, STAR, UNREAD
from trio_chat.kinds.pins import PIN
from trio_chat.kinds.reactions import REACTION
from trio_chat.kinds.reports import REPORT, RESOLVE, WIPE
from trio_chat.kinds.roles import ROLE
from trio_chat.kinds.rooms import CREATED, SETTINGS
from trio_chat.kinds.standing import (
    ASKED,
    BAN,
    DEFAULT_POLICY,
    MEMBER,
    MODERATOR,
    MUTE,
    OPEN,
    OWNER,
    PROBATION,
)
from trio_chat.kinds.table import change_key
from trio_chat.model.events import MESSAGE
from trio_chat.store.sqlite import newcomers
from trio_chat.store.sqlite.erasing import erase_texts
from trio_chat.store.sqlite.search_index import forget
from trio_chat.store.sqlite.sql_batches import portions, with_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.messages import Delete, Edit
    from trio_chat.kinds.moderation import Knock, Restriction
    from trio_chat.kinds.modes import Mode, Trust
    from trio_chat.kinds.personal import Block
    from trio_chat.kinds.reports import Report, Resolve
    from trio_chat.kinds.roles import Role
    from trio_chat.kinds.rooms import Created, Membership, Settings
    from trio_chat.store.plan import Row


def apply(connection: apsw.Connection, room_id: int, changes: Sequence[tuple[Row, Body]]) -> None:
    """Write the effects of these events of one room, in order. Messages that they delete must be written already."""
    newest: dict[tuple[int, str], int] = {}
    by_kind: dict[str, list[tuple[Row, Any]]] = {}
    for row, body in changes:
        key = change_key(row.kind, row.sender, body)
        if key is not None:
            newest[key] = row.seq
        by_kind.setdefault(row.kind, []).append((row, body))
    if newest:
        _note_changes(connection, room_id, newest)
    for kind, effect in EFFECTS.items():
        if effect is not None and kind in by_kind:
            effect(connection, room_id, by_kind[kind])


def note_newest(connection: apsw.Connection, newest: dict[int, tuple[int | None, int]]) -> None:
    """Note of these rooms (by their ids) when their newest events were written, since lists and the directory are in
    this order (None: by nobody but the server itself, which brings no room to the top), and how many bytes came in
    (`trio_chat.store.space`)."""
    connection.execute(
        """
        UPDATE rooms SET newest_ms = coalesce(value ->> 0, newest_ms), bytes = bytes + (value ->> 1)
        FROM json_each(?) WHERE rooms.id = CAST(key AS INTEGER)
        """,
        (json.dumps(newest),),
    )


def deletes(changes: Sequence[tuple[Row, Body]]) -> bool:
    """Whether a text is deleted."""
    keys = (change_key(row.kind, row.sender, body) for row, body in changes if row.kind in (DELETE, RESOLVE))
    return any(key is not None and key[1] == DELETE for key in keys)


def _note_changes(connection: apsw.Connection, room_id: int, newest: dict[tuple[int, str], int]) -> None:
    for some in portions(list(newest.items())):
        connection.execute(
            with_values(
                "INSERT INTO changes VALUES {} ON CONFLICT DO UPDATE SET seq = excluded.seq", len(some), 4
            ),
            [value for (target, key), seq in some for value in (room_id, target, key, seq)],
        )


def _create(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Created]]) -> None:
    for row, body in events:
        owner = None if body.kind == DIRECT else row.sender
        connection.execute(
            "UPDATE rooms SET kind = ?, title = ?, topic = ?, owner = ? WHERE id = ?",
            (body.kind, body.title, body.topic, owner, room_id),
        )
        roles = {
            who.id: OWNER if who.id == owner else ASKED if body.asked and who.id != row.sender else MEMBER
            for who in body.members
        }
        connection.executemany(
            "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)",
            [(room_id, person, role, row.seq) for person, role in roles.items()],
        )
        if body.kind == DIRECT:
            connection.executemany(
                "INSERT OR IGNORE INTO pairs VALUES (?, ?, 0)", [(room_id, person) for person in roles]
            )


def _set(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Settings]]) -> None:
    connection.executemany(
        """
        UPDATE rooms SET title = coalesce(?, title), topic = coalesce(?, topic), policy = json_patch(policy, ?)
        WHERE id = ?
        """,
        [(body.title, body.topic, json.dumps(_changed(body.policy)), room_id) for _, body in events],
    )


def _changed(policy: dict[str, int | str]) -> dict[str, int | str | None]:
    """The policy as a patch, by which what is at its default goes."""
    return {name: None if value == getattr(DEFAULT_POLICY, name) else value for name, value in policy.items()}


def _change_members(
    connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Membership]]
) -> None:
    for row, body in events:
        person = body.person.id
        if body.on:
            connection.execute(
                """
                INSERT INTO members SELECT id, ?1, CASE
                    WHEN owner = ?1 THEN ?2 WHEN kind = 'direct' AND ?1 <> ?3 THEN ?4 ELSE ?5
                END, ?6 FROM rooms WHERE id = ?7
                ON CONFLICT DO UPDATE SET role = excluded.role
                """,
                (person, OWNER, row.sender, ASKED, MEMBER, row.seq, room_id),
            )
            connection.execute(
                "UPDATE pairs SET declined = 0 WHERE room_id = ? AND person_id = ?", (room_id, person)
            )
            _stop_knocking(connection, room_id, person)
            _lift(connection, room_id, person, BAN)
        else:
            role = _remove_member(connection, room_id, person)
            if role == ASKED:
                connection.execute(
                    "UPDATE pairs SET declined = 1 WHERE room_id = ? AND person_id = ?", (room_id, person)
                )
        if body.on and body.invite is not None:
            newcomers.note_inviter(connection, person, body.invite, row.at_ms)
            used = (bytes.fromhex(body.invite), room_id)
            connection.execute(
                "UPDATE invites SET uses_left = uses_left - 1 WHERE hash = ? AND room_id = ?", used
            )
            connection.execute("DELETE FROM invites WHERE hash = ? AND room_id = ? AND uses_left < 1", used)


def _give_roles(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Role]]) -> None:
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
            _remove_member(connection, room_id, body.person)
        else:
            connection.execute(
                "INSERT INTO members VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role",
                (room_id, body.person, body.role, row.seq),
            )
            _look_at(connection, room_id, body.person)
        if body.link is not None:
            connection.execute("DELETE FROM owner_links")


def _ban(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Restriction]]) -> None:
    is_server = _is_server(connection, room_id)
    for row, body in events:
        _restrict(connection, room_id, row, body)
        if is_server:
            newcomers.ban_addresses(connection, body, row.at_ms)
        if body.on:
            _remove_member(connection, room_id, body.person)
            _stop_knocking(connection, room_id, body.person)


def _mute(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Restriction]]) -> None:
    for row, body in events:
        _restrict(connection, room_id, row, body)


def _restrict(connection: apsw.Connection, room_id: int, row: Row, body: Restriction) -> None:
    connection.execute("DELETE FROM restrictions WHERE room_id = ? AND ends_ms <= ?", (room_id, row.at_ms))
    if body.on:
        connection.execute(
            "INSERT OR REPLACE INTO restrictions VALUES (?, ?, ?, ?, ?)",
            (room_id, body.person, row.kind, body.ends_ms, row.seq),
        )
    else:
        _lift(connection, room_id, body.person, row.kind)


def _lift(connection: apsw.Connection, room_id: int, person: str, kind: str) -> None:
    connection.execute(
        "DELETE FROM restrictions WHERE room_id = ? AND person_id = ? AND kind = ?", (room_id, person, kind)
    )


def _remove_member(connection: apsw.Connection, room_id: int, person: str) -> object:
    """Remove a member, and say what role they had."""
    return connection.execute(
        "DELETE FROM members WHERE room_id = ? AND person_id = ? RETURNING role", (room_id, person)
    ).get


def _knock(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Knock]]) -> None:
    for row, body in events:
        if body.on:
            connection.execute(
                "INSERT OR IGNORE INTO knocks VALUES (?, ?, ?)", (room_id, body.person, row.seq)
            )
        else:
            _stop_knocking(connection, room_id, body.person)
        if body.invite is not None:
            newcomers.note_inviter(connection, body.person, body.invite, row.at_ms)


def _stop_knocking(connection: apsw.Connection, room_id: int, person: str) -> None:
    connection.execute("DELETE FROM knocks WHERE room_id = ? AND person_id = ?", (room_id, person))


def _set_mode(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Mode]]) -> None:
    for _, body in events:
        chosen = {"mode": body.mode, "quiet_until_ms": body.quiet_until_ms}
        connection.execute(
            "UPDATE rooms SET policy = json_patch(policy, ?) WHERE id = ?",
            (json.dumps({name: value for name, value in chosen.items() if value is not None}), room_id),
        )
        if body.mode in (OPEN, PROBATION):
            connection.execute("DELETE FROM knocks WHERE room_id = ?", (room_id,))
            newcomers.let_all_in(connection)


def _trust(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Trust]]) -> None:
    for _, body in events:
        if body.on:
            _look_at(connection, room_id, body.person)
        else:
            newcomers.look_away(connection, body.person)


def _look_at(connection: apsw.Connection, room_id: int, person: str) -> None:
    newcomers.look_at(connection, person)
    _stop_knocking(connection, room_id, person)


def _is_server(connection: apsw.Connection, room_id: int) -> bool:
    return bool(connection.execute("SELECT name = ? FROM rooms WHERE id = ?", (SERVER_ROOM, room_id)).get)


def _report(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Report]]) -> None:
    connection.executemany("INSERT INTO reports (seq) VALUES (?)", [(row.seq,) for row, _ in events])


def _resolve(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Resolve]]) -> None:
    """Note who looks after reports; erase the texts of those that are done."""
    for row, body in events:
        if body.state == "done":
            connection.execute("DELETE FROM reports WHERE seq = ?", (body.target,))
            erase_texts(connection, room_id, [body.target])
        else:
            taken_by = row.sender if body.state == "taken" else None
            connection.execute("UPDATE reports SET taken_by = ? WHERE seq = ?", (taken_by, body.target))


def _block(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Block]]) -> None:
    for row, body in events:
        blocked = (row.sender, body.person)
        if body.on:
            connection.execute("INSERT OR IGNORE INTO blocks VALUES (?, ?)", blocked)
        else:
            connection.execute("DELETE FROM blocks WHERE person_id = ? AND blocked_id = ?", blocked)


def _edit(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Edit]]) -> None:
    connection.execute(
        "INSERT INTO edits SELECT ?, value ->> 0, value ->> 1 FROM json_each(?)",
        (room_id, json.dumps([(body.target, row.seq) for row, body in events])),
    )


def _delete(connection: apsw.Connection, room_id: int, events: Sequence[tuple[Row, Delete]]) -> None:
    """Erase the texts, and forget all other changes of the messages."""
    targets = [body.target for _, body in events]
    forget(connection, room_id, targets)  # while the texts are there by which it finds what it knows of them
    erase_texts(connection, room_id, targets)
    connection.execute(
        "DELETE FROM changes WHERE room_id = ? AND target IN (SELECT value FROM json_each(?)) AND key <> 'delete'",
        (room_id, json.dumps(targets)),
    )


Effect: TypeAlias = "Callable[[apsw.Connection, int, Sequence[tuple[Row, Any]]], None]"
"""Writes the effects of events of one kind in one room (its id), in order."""

EFFECTS: Final[dict[str, Effect | None]] = {
    MESSAGE: None,
    POST: None,
    REACTION: None,
    PIN: None,
    CREATED: _create,
    SETTINGS: _set,
    rooms.MEMBER: _change_members,
    ROLE: _give_roles,
    BAN: _ban,
    MUTE: _mute,
    KNOCK: _knock,
    REPORT: _report,
    RESOLVE: _resolve,
    WIPE: None,
    MODE: _set_mode,
    TRUST: _trust,
    EDIT: _edit,
    DELETE: _delete,  # after the edits, whose texts it may delete
    STAR: None,
    HIDE: None,
    LEVEL: None,
    UNREAD: None,
    BLOCK: _block,
}
"""Effect of each kind, besides its note in ``changes`` (`change_key`), in the order in which they are applied."""
