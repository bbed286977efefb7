"""Database files, read by another SQLite than the server's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.torture.events import event_from_row
from tests.torture.history import Log, Remains, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def _connect(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30))


def read_heads(path: Path) -> dict[str, tuple[int, list[str]]]:
    """Last number and members' ids of each room; while the server runs."""
    with _connect(path) as database:
        found = database.execute(
            """
            SELECT name, (SELECT max(seq) FROM events WHERE room_id = id),
                (SELECT json_group_array(person_id) FROM members WHERE room_id = id)
            FROM rooms
            """
        )
        return {room: (head or 0, json.loads(members)) for room, head, members in found}


def read_last_messages(path: Path) -> dict[str, int]:
    """Number of each room's last message; while the server runs."""
    with _connect(path) as database:
        found = database.execute(
            """
            SELECT rooms.name, max(seq) FROM events JOIN rooms ON room_id = id
            WHERE events.kind IN ('message', 'post') GROUP BY rooms.name
            """
        )
        return dict(found.fetchall())


def read_logs(path: Path) -> Iterator[Log | Trouble]:
    """All logs, after the server has stopped; a `Trouble` if SQLite finds damage."""
    with _connect(path) as database:
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            yield Trouble(what=f"the database is damaged: {verdict}")
        for number, room, epoch in database.execute("SELECT id, name, epoch FROM rooms").fetchall():
            rows = database.execute(
                """
                SELECT seq, kind, client_id, sender, name, at_ms, body FROM events
                WHERE room_id = ? ORDER BY seq
                """,
                (number,),
            ).fetchall()
            invites = {
                seq: json.loads(body).get("invite", "")
                for seq, kind, _, _, _, _, body in rows
                if kind == "member"
            }
            marks = database.execute(
                "SELECT person_id, delivered, read FROM marks WHERE room_id = ?", (number,)
            ).fetchall()
            yield Log(
                room=room,
                epoch=epoch,
                events=[event_from_row(*row) for row in rows],
                invites={seq: invite for seq, invite in invites.items() if invite},
                marks=marks,
            )


def find_remains(directory: Path, texts: Iterable[str]) -> Iterator[Remains]:
    """Deleted texts that are still in the files of a directory, found by their beginnings, which are unique."""
    for file in sorted(directory.iterdir()):
        if file.is_file():
            content = file.read_bytes()
            for text in texts:
                if (text.partition(": ")[0] + ": ").encode() in content:
                    yield Remains(file=file.name, text=text)
