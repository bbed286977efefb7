"""Database of nodes, read by statements of our own."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from tests.torture.database import CANARY, invites_in
from tests.torture.events import event_from_row
from tests.torture.history import FilesKept, Log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any


def _read(url: str, *statements: str) -> list[list[tuple[Any, ...]]]:
    with closing(psycopg.connect(url, connect_timeout=10)) as connection:
        return [connection.execute(statement.encode()).fetchall() for statement in statements]


def read_heads(url: str) -> dict[str, tuple[int, list[str]]]:
    """Last number and members' ids of each room; while the nodes run."""
    (found,) = _read(
        url,
        """
        SELECT name, (SELECT max(seq) FROM events WHERE room_id = id),
            ARRAY (SELECT person_id FROM members WHERE room_id = id)
        FROM rooms
        """,
    )
    return {room: (head or 0, members) for room, head, members in found}


def read_last_messages(url: str) -> dict[str, int]:
    """Number of each room's last message; while the nodes run."""
    (found,) = _read(
        url,
        """
        SELECT rooms.name, max(seq) FROM events JOIN rooms ON room_id = id
        WHERE events.kind IN ('message', 'post') GROUP BY rooms.name
        """,
    )
    return dict(found)


def read_logs(url: str) -> Iterator[Log]:
    """All logs, after the nodes have stopped."""
    rooms, events, marks = _read(
        url,
        "SELECT id, name, epoch FROM rooms",
        "SELECT room_id, seq, kind, client_id, sender, name, at_ms, body FROM events ORDER BY room_id, seq",
        "SELECT room_id, person_id, delivered, read FROM marks",
    )
    for number, room, epoch in rooms:
        rows = [row for room_id, *row in events if room_id == number]
        yield Log(
            room=room,
            epoch=epoch,
            events=[event_from_row(*row) for row in rows],
            invites=invites_in(rows),
            marks=[tuple(mark) for room_id, *mark in marks if room_id == number],
        )


def read_files(url: str, blobs: Path, parts: Iterable[Path]) -> FilesKept:
    """The files of the nodes, in the directory of blobs that they share and in those of parts of uploads."""
    files, unsent, coming, known = _read(
        url,
        "SELECT name, seq, n, hash FROM files JOIN rooms ON rooms.id = room_id JOIN blobs ON blobs.id = blob_id"
        " ORDER BY 1, 2, 3",
        "SELECT hash FROM uploads JOIN blobs ON blobs.id = blob_id WHERE seq IS NULL",
        "SELECT hash FROM coming_blobs",
        "SELECT id FROM uploads WHERE blob_id IS NULL",
    )
    kept = {path: path.read_bytes() for path in sorted(blobs.rglob("*")) if path.is_file()}
    canaries: dict[str, str] = {}
    for path, content in kept.items():
        for found in CANARY.findall(content):
            canaries.setdefault(found.decode(), path.name)
    return FilesKept(
        files=files,
        unsent=[blob for (blob,) in unsent],
        coming=[blob for (blob,) in coming],
        blobs={path.name: hashlib.sha256(content).hexdigest() for path, content in kept.items()},
        unknown_parts=[
            path.name
            for folder in parts
            for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
            if (path.name.partition(".")[0],) not in known
        ],
        canaries=canaries,
    )
