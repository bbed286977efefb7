"""Files of messages, how much they are, and the keys by which browsers fetch them. Synchronous; writes belong into the
writer's transaction.

Which blobs are gone, and how much counts for whom, is written by the triggers of `file_schema`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trio_chat.kinds.files import PICTURE, SHOWN_PICTURE, StoredFile
from trio_chat.kinds.messages import POST, Post
from trio_chat.kinds.table import read_body
from trio_chat.store.sql.devices import login_by
from trio_chat.store.sql.history import read_some
from trio_chat.store.sql.meta import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.model.files import FileLimits
    from trio_chat.model.records import Login
    from trio_chat.store.plan import Row
    from trio_chat.store.sql.connection import Connection

MARK_KEY = "files"
"""Key in ``meta``."""

SERVER = ""
"""Whose usage is that of the server, in the table ``file_usage``."""

# -- files of messages --


def attach(connection: Connection, room_id: int, events: Sequence[tuple[Row, Post]]) -> None:
    """Bind the uploads of these messages to them: an effect (`trio_chat.store.sql.effects`)."""
    sent = [(file.upload, row.seq, n, file.kind) for row, body in events for n, file in enumerate(body.files)]
    sending = connection.dialect.rows_of("upload text, at_seq int, at_n int, file_kind text")
    connection.execute(
        f"""
        INSERT INTO files (room_id, seq, n, blob_id, person_id, bytes, kind)
        SELECT CAST(? AS bigint), at_seq, at_n, blob_id, person_id, stored, file_kind
        FROM {sending} AS sending JOIN uploads ON uploads.id = upload
        """,
        (room_id, json.dumps(sent)),
    )
    connection.executemany(
        "UPDATE uploads SET room_id = ?, seq = ?, n = ? WHERE id = ?",
        [(room_id, seq, n, upload) for upload, seq, n, _ in sent],
    )


def show_picture(
    connection: Connection, room_id: int, seq: int, upload: str, *, instead_of: int | None
) -> None:
    """Make this upload (empty: none) file 0 of number ``seq`` of a room, as a picture, in place of an earlier one."""
    if instead_of is not None:
        forget_files(connection, room_id, [instead_of])
    connection.execute(
        "INSERT INTO files SELECT CAST(? AS bigint), CAST(? AS bigint), 0, blob_id, person_id, stored, ? FROM uploads"
        " WHERE id = ?",
        (room_id, seq, PICTURE, upload),
    )
    connection.execute("UPDATE uploads SET room_id = ?, seq = ?, n = 0 WHERE id = ?", (room_id, seq, upload))


def forget_files(connection: Connection, room_id: int, targets: Sequence[int]) -> None:
    """Forget the files of these messages, which are deleted, and the uploads by which they came."""
    of_targets = f"room_id = ? AND seq IN {connection.dialect.ints}"
    connection.execute(f"DELETE FROM files WHERE {of_targets}", (room_id, json.dumps(targets)))
    forget_uploads(connection, of_targets, (room_id, json.dumps(targets)))


def forget_uploads(connection: Connection, condition: str, values: tuple[Any, ...]) -> bool:
    """Forget the uploads for which this holds, with their names; whether there were any."""
    numbers = connection.execute(f"DELETE FROM uploads WHERE {condition} RETURNING number", values).fetchall()
    if numbers:
        connection.wipe_around("uploads", "number", numbers)
    return bool(numbers)


def find_file(connection: Connection, room: str, seq: int, n: int) -> StoredFile | None:
    """See `FileTable.find_file`."""
    found: Any = connection.execute(
        """
        SELECT hash, files.kind FROM files JOIN rooms ON rooms.id = room_id JOIN blobs ON blobs.id = blob_id
        WHERE rooms.name = ? AND seq = ? AND n = ?
        """,
        (room, seq, n),
    ).fetchone()
    if found is None:
        return None
    blob, kind = found
    if kind == PICTURE:
        return StoredFile(blob, SHOWN_PICTURE)
    for event in read_some(connection, room, [seq]):
        if event.kind == POST and event.body is not None:
            body = read_body(event.kind, event.body)
            assert isinstance(body, Post)
            return StoredFile(blob, body.files[n])
    return None  # damaged, or deleted meanwhile


# -- how much, and for whom --


def lock_usage(connection: Connection) -> None:
    """Nobody else uses more until the transaction ends."""
    if connection.dialect.for_update:
        connection.execute(
            f"SELECT bytes FROM file_usage WHERE person_id = ? {connection.dialect.for_update}", (SERVER,)
        )


def files_usage(connection: Connection, person: str) -> int:
    """See `FileTable.files_usage`."""
    used = connection.execute("SELECT bytes FROM file_usage WHERE person_id = ?", (person,)).get
    return used if isinstance(used, int) else 0


def server_usage(connection: Connection) -> int:
    """See `FileTable.server_usage`."""
    return files_usage(connection, SERVER)


def files_left(connection: Connection, person: str, limits: FileLimits) -> int | None:
    """See `FileTable.files_left`."""
    quotas = ((limits.person_bytes, person), (limits.server_bytes, SERVER))
    left = [max(0, quota - files_usage(connection, who)) for quota, who in quotas if quota]
    return min(left, default=None)


def keep_file_key(connection: Connection, token_hash: bytes, key_hash: bytes) -> bool:
    """See `FileTable.keep_file_key`."""
    kept = connection.execute(
        "UPDATE tokens SET file_key = ? WHERE hash = ? RETURNING 1", (key_hash, token_hash)
    ).get
    return kept is not None


def find_file_key(connection: Connection, key_hash: bytes) -> Login | None:
    """See `FileTable.find_file_key`."""
    return login_by(connection, "file_key", key_hash)


# -- the place of blobs --


def mark_of_files(connection: Connection) -> str | None:
    """See `FileTable.mark_of_files`."""
    return note(connection, MARK_KEY)


def set_mark_of_files(connection: Connection, mark: str, *, instead_of: str | None) -> bool:
    """See `FileTable.set_mark_of_files`."""
    noted = connection.execute(
        """
        INSERT INTO meta (key, value) VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE meta.value = ? RETURNING 1
        """,
        (MARK_KEY, mark, instead_of or ""),
    )
    return noted.get is not None
