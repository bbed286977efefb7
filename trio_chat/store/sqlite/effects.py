"""What follows from an event that is no message: the tables beside the log, changed in the transaction that writes it.

The rules have let it pass (`trio_chat.kinds.rules`), so there is nothing left to decide.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trio_chat.kinds.bodies import Body, Created, Delete, Edit, Membership, Settings, change_key
from trio_chat.kinds.rules import DIRECT
from trio_chat.store.sqlite.erasing import erase_texts
from trio_chat.store.sqlite.search_index import forget
from trio_chat.store.sqlite.sql_batches import portions, with_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from trio_chat.store.plan import Row

OWNER = "owner"
MEMBER = "member"
"""What one can be in a room."""


def apply(connection: apsw.Connection, room_id: int, changes: Sequence[tuple[Row, Body]]) -> None:
    """Write what follows from these events of one room, in order. Those that are deleted must be written already."""
    newest: dict[tuple[int, str], int] = {}
    edits: list[tuple[int, int]] = []
    deleted: list[int] = []
    for row, body in changes:
        key = change_key(row.kind, row.sender, body)
        if key is not None:
            newest[key] = row.seq
        match body:
            case Edit():
                edits.append((body.target, row.seq))
            case Delete():
                deleted.append(body.target)
            case Created():
                _create(connection, room_id, row, body)
            case Settings():
                connection.execute(
                    "UPDATE rooms SET title = coalesce(?, title), topic = coalesce(?, topic) WHERE id = ?",
                    (body.title, body.topic, room_id),
                )
            case Membership():
                _come_or_go(connection, room_id, row, body)
    if newest:
        _note_changes(connection, room_id, newest)
    if edits:
        connection.execute(
            "INSERT INTO edits SELECT ?, value ->> 0, value ->> 1 FROM json_each(?)",
            (room_id, json.dumps(edits)),
        )
    if deleted:
        _delete(connection, room_id, deleted)


def deletes(changes: Sequence[tuple[Row, Body]]) -> bool:
    """Whether a text goes."""
    return any(isinstance(body, Delete) for _, body in changes)


def _note_changes(connection: apsw.Connection, room_id: int, newest: dict[tuple[int, str], int]) -> None:
    for some in portions(list(newest.items())):
        connection.execute(
            with_values(
                "INSERT INTO changes VALUES {} ON CONFLICT DO UPDATE SET seq = excluded.seq", len(some), 4
            ),
            [value for (target, key), seq in some for value in (room_id, target, key, seq)],
        )


def _delete(connection: apsw.Connection, room_id: int, targets: Sequence[int]) -> None:
    """The texts go. Nobody needs to know what else was changed about the messages."""
    for target in targets:
        forget(
            connection, room_id, target
        )  # while the texts are there by which it finds what it knows of them
    erase_texts(connection, room_id, targets)
    connection.execute(
        "DELETE FROM changes WHERE room_id = ? AND target IN (SELECT value FROM json_each(?)) AND key <> 'delete'",
        (room_id, json.dumps(targets)),
    )


def _create(connection: apsw.Connection, room_id: int, row: Row, body: Created) -> None:
    owner = None if body.kind == DIRECT else row.sender
    connection.execute(
        "UPDATE rooms SET kind = ?, title = ?, topic = ?, owner = ? WHERE id = ?",
        (body.kind, body.title, body.topic, owner, room_id),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)",
        [(room_id, who.id, OWNER if who.id == owner else MEMBER, row.seq) for who in body.members],
    )


def _come_or_go(connection: apsw.Connection, room_id: int, row: Row, body: Membership) -> None:
    person = body.person.id
    if not body.on:
        connection.execute("DELETE FROM members WHERE room_id = ? AND person_id = ?", (room_id, person))
        return
    connection.execute(
        "INSERT INTO members SELECT id, ?, CASE owner WHEN ? THEN ? ELSE ? END, ? FROM rooms WHERE id = ?",
        (person, person, OWNER, MEMBER, row.seq, room_id),
    )
    if body.invite is not None:
        used = (bytes.fromhex(body.invite), room_id)
        connection.execute(
            "UPDATE invites SET uses_left = uses_left - 1 WHERE hash = ? AND room_id = ?", used
        )
        connection.execute("DELETE FROM invites WHERE hash = ? AND room_id = ? AND uses_left < 1", used)
