"""Database files, read by another SQLite than the server's."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.torture.events import event_from_row
from tests.torture.history import FilesKept, Log, Remains, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


CANARY = re.compile(rb"(file of p-[\w-]+ \d+\.\d)[.:]")
"""What the content and the name of a file of a run begin with."""


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
            marks = database.execute(
                "SELECT person_id, delivered, read FROM marks WHERE room_id = ?", (number,)
            ).fetchall()
            yield Log(
                room=room,
                epoch=epoch,
                events=[event_from_row(*row) for row in rows],
                invites=invites_in(rows),
                marks=marks,
            )


def invites_in(rows: Iterable[Sequence[Any]]) -> dict[int, str]:
    """Hashes of the invitations that were used, by the number of the event, of rows of ``events``."""
    found = {seq: json.loads(body).get("invite") for seq, kind, *_, body in rows if kind == "member"}
    return {seq: invite for seq, invite in found.items() if invite}


def find_remains(directory: Path, texts: Iterable[str]) -> Iterator[Remains]:
    """Deleted texts that are still in the files of a directory, found by their beginnings, which are unique."""
    for file in sorted(directory.iterdir()):
        if file.is_file():
            content = file.read_bytes()
            for text in texts:
                if (text.partition(": ")[0] + ": ").encode() in content:
                    yield Remains(file=file.name, text=text)


def read_files(data: Path) -> FilesKept:
    """The files of a data directory, after the server has stopped."""
    blobs, parts = data / "files" / "blobs", data / "files" / "parts"
    with _connect(data / "chat.db") as database:
        files = database.execute(
            "SELECT name, seq, n, hash FROM files JOIN rooms ON rooms.id = room_id JOIN blobs ON blobs.id = blob_id"
            " ORDER BY 1, 2, 3"
        ).fetchall()
        unsent = database.execute(
            "SELECT hash FROM uploads JOIN blobs ON blobs.id = blob_id WHERE seq IS NULL"
        ).fetchall()
        known = {upload for (upload,) in database.execute("SELECT id FROM uploads WHERE blob_id IS NULL")}
    canaries: dict[str, str] = {}
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        for found in CANARY.findall(file.read_bytes()):
            canaries.setdefault(found.decode(), str(file.relative_to(data)))
    return FilesKept(
        files=files,
        unsent=[blob for (blob,) in unsent],
        blobs={
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(blobs.rglob("*"))
            if path.is_file()
        },
        unknown_parts=[
            path.name
            for path in (sorted(parts.iterdir()) if parts.is_dir() else ())
            if path.name.partition(".")[0] not in known
        ],
        canaries=canaries,
    )
