"""Effects of events that are no messages, and of messages with files: changes of other tables, in the transaction that
writes the event.

The rules have allowed the event (`trio_chat.kinds.rules`), so there is nothing left to decide.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from trio_chat.kinds import rooms
from trio_chat.kinds.facts import DIRECT
from trio_chat.kinds.messages import DELETE, EDIT, POST
from trio_chat.kinds.moderation import KNOCK
from trio_chat.kinds.modes import MODE, TRUST
from trio_chat.kinds.personal import BLOCK, HIDE, LEVEL, PIN_ROOM, STAR, UNREAD
from trio_chat.kinds.pins import PIN
from trio_chat.kinds.reactions import REACTION
from trio_chat.kinds.releases import RELEASE
from trio_chat.kinds.reports import REPORT, RESOLVE, WIPE
from trio_chat.kinds.roles import ROLE
from trio_chat.kinds.rooms import CREATED, SETTINGS
from trio_chat.kinds.standing import ASKED, BAN, DEFAULT_POLICY, MEMBER, MUTE, OWNER
from trio_chat.kinds.table import change_key
from trio_chat.model.events import MESSAGE
from trio_chat.store.sql import list_changes, newcomers, standing_effects
from trio_chat.store.sql.batches import portions, with_values
from trio_chat.store.sql.erasing import erase_texts
from trio_chat.store.sql.files import attach, forget_files, show_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trio_chat.kinds.forms import Body
    from trio_chat.kinds.messages import Delete, Edit
    from trio_chat.kinds.personal import Block
    from trio_chat.kinds.reactions import Reaction
    from trio_chat.kinds.rooms import Created, Membership, Settings
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection


def apply(connection: Connection, room_id: int, changes: Sequence[tuple[Row, Body]]) -> None:
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


def note_newest(connection: Connection, newest: dict[int, tuple[int | None, int]]) -> None:
    """Note of these rooms (by their ids) when their newest events were written, since lists and the directory are in
    this order (None: by nobody but the server itself, which brings no room to the top), and how many bytes came in
    (`trio_chat.store.space`); and that lists tell something else of them."""
    connection.execute(
        f"""
        UPDATE rooms SET newest_ms = coalesce(came.at_ms, newest_ms), bytes = bytes + came.size,
            changed = {connection.dialect.change}
        FROM {connection.dialect.rows_of("id int, at_ms int, size int")} AS came WHERE rooms.id = came.id
        """,
        (json.dumps([(room_id, *came) for room_id, came in newest.items()]),),
    )


def deletes(changes: Sequence[tuple[Row, Body]]) -> bool:
    """Whether a text is deleted, or there is another picture in the place of one."""
    if any(row.kind == SETTINGS and getattr(body, "picture", None) is not None for row, body in changes):
        return True
    keys = (change_key(row.kind, row.sender, body) for row, body in changes if row.kind in (DELETE, RESOLVE))
    return any(key is not None and key[1] == DELETE for key in keys)


def _note_changes(connection: Connection, room_id: int, newest: dict[tuple[int, str], int]) -> None:
    for some in portions(list(newest.items())):
        connection.execute(
            with_values(
                "INSERT INTO changes VALUES {} ON CONFLICT (room_id, target, key) DO UPDATE SET seq = excluded.seq",
                len(some),
                4,
            ),
            [value for (target, key), seq in some for value in (room_id, target, key, seq)],
        )


def _create(connection: Connection, room_id: int, events: Sequence[tuple[Row, Created]]) -> None:
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
            "INSERT INTO members VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(room_id, person, role, row.seq) for person, role in roles.items()],
        )
        if body.kind == DIRECT:
            connection.executemany(
                "INSERT INTO pairs VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                [(room_id, person) for person in roles],
            )


def _set(connection: Connection, room_id: int, events: Sequence[tuple[Row, Settings]]) -> None:
    connection.executemany(
        f"""
        UPDATE rooms SET title = coalesce(?, title), topic = coalesce(?, topic),
            policy = {connection.dialect.patched_policy}
        WHERE id = ?
        """,
        [(body.title, body.topic, json.dumps(_changed(body.policy)), room_id) for _, body in events],
    )
    for row, body in events:
        if body.picture is not None:
            before: int | None = connection.execute("SELECT picture FROM rooms WHERE id = ?", (room_id,)).get
            show_picture(connection, room_id, row.seq, body.picture, instead_of=before)
            connection.execute(
                "UPDATE rooms SET picture = ? WHERE id = ?", (row.seq if body.picture else None, room_id)
            )


def _changed(policy: dict[str, int | str]) -> dict[str, int | str | None]:
    """The policy as a patch, by which what is at its default goes."""
    return {name: None if value == getattr(DEFAULT_POLICY, name) else value for name, value in policy.items()}


def _change_members(connection: Connection, room_id: int, events: Sequence[tuple[Row, Membership]]) -> None:
    for row, body in events:
        person = body.person.id
        if body.on:
            connection.execute(
                """
                INSERT INTO members (room_id, person_id, role, seq) SELECT id, ?1, CASE
                    WHEN owner = ?1 THEN ?2 WHEN kind = 'direct' AND ?1 <> ?3 THEN ?4 ELSE ?5
                END, ?6 FROM rooms WHERE id = ?7
                ON CONFLICT (room_id, person_id) DO UPDATE SET role = excluded.role
                """,
                (person, OWNER, row.sender, ASKED, MEMBER, row.seq, room_id),
            )
            connection.execute(
                "UPDATE pairs SET declined = 0 WHERE room_id = ? AND person_id = ?", (room_id, person)
            )
            standing_effects.stop_knocking(connection, room_id, person)
            standing_effects.lift(connection, room_id, person, BAN)
        else:
            role = standing_effects.remove_member(connection, room_id, person)
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


def _block(connection: Connection, room_id: int, events: Sequence[tuple[Row, Block]]) -> None:
    for row, body in events:
        blocked = (row.sender, body.person)
        if body.on:
            connection.execute("INSERT INTO blocks VALUES (?, ?) ON CONFLICT DO NOTHING", blocked)
        else:
            connection.execute("DELETE FROM blocks WHERE person_id = ? AND blocked_id = ?", blocked)
        list_changes.note_people(
            connection, blocked
        )  # what counts as unread, and what they see of each other


def _edit(connection: Connection, room_id: int, events: Sequence[tuple[Row, Edit]]) -> None:
    connection.execute(
        "INSERT INTO edits (room_id, target, seq) "
        f"SELECT ?, target, seq FROM {connection.dialect.rows_of('target int, seq int')} AS new",
        (room_id, json.dumps([(body.target, row.seq) for row, body in events])),
    )


def _react(connection: Connection, room_id: int, events: Sequence[tuple[Row, Reaction]]) -> None:
    for row, body in events:
        if body.on:
            connection.execute(
                """
                INSERT INTO reactions SELECT ?1, ?2, ?3, ?4, ?5, coalesce(
                    (SELECT since FROM reactions WHERE room_id = ?1 AND target = ?2 AND emoji = ?3 LIMIT 1), ?4
                )
                """,
                (room_id, body.target, body.emoji, row.seq, row.sender),
            )
        else:
            connection.execute(
                "DELETE FROM reactions WHERE room_id = ? AND target = ? AND emoji = ? AND person_id = ?",
                (room_id, body.target, body.emoji, row.sender),
            )


def _delete(connection: Connection, room_id: int, events: Sequence[tuple[Row, Delete]]) -> None:
    """Erase the texts, and forget the files and all other changes of the messages."""
    targets = [body.target for _, body in events]
    # While the texts are there by which it finds what it knows of them.
    connection.index.forget(connection, room_id, targets)
    erase_texts(connection, room_id, targets)
    forget_files(connection, room_id, targets)
    for forgotten in ("changes WHERE key <> 'delete' AND", "reactions WHERE"):
        connection.execute(
            f"DELETE FROM {forgotten} room_id = ? AND target IN {connection.dialect.ints}",
            (room_id, json.dumps(targets)),
        )


Effect: TypeAlias = "Callable[[Connection, int, Sequence[tuple[Row, Any]]], None]"
"""Writes the effects of events of one kind in one room (its id), in order."""

EFFECTS: Final[dict[str, Effect | None]] = {
    MESSAGE: None,
    POST: attach,  # before the deletions, which may be of the same messages
    REACTION: _react,
    PIN: None,
    CREATED: _create,
    SETTINGS: _set,
    rooms.MEMBER: _change_members,
    ROLE: standing_effects.give_roles,
    BAN: standing_effects.ban,
    MUTE: standing_effects.mute,
    KNOCK: standing_effects.knock,
    REPORT: standing_effects.report,
    RESOLVE: standing_effects.resolve,
    WIPE: None,
    RELEASE: None,  # the name was set free before
    MODE: standing_effects.set_mode,
    TRUST: standing_effects.trust,
    EDIT: _edit,
    DELETE: _delete,  # after the edits, whose texts it may delete, and the reactions
    STAR: None,
    HIDE: None,
    LEVEL: None,
    PIN_ROOM: None,
    UNREAD: None,
    BLOCK: _block,
}
"""Effect of each kind, besides its note in ``changes`` (`change_key`), in the order in which they are applied."""
