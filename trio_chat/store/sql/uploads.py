"""Uploads: beginning, finishing and dropping them, within the limits. Synchronous; writes belong into the writer's
transaction.

How much counts for whom, and which blobs are gone, is written by the triggers of `file_schema`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from trio_chat.errors import Refused
from trio_chat.model.files import AT_ONCE_MS, MAX_UNSENT, FileFacts, Upload
from trio_chat.store.space import written_size
from trio_chat.store.sql.batches import texts
from trio_chat.store.sql.blobs import keep_blob, need_blob
from trio_chat.store.sql.files import files_usage, find_file, forget_uploads, lock_usage, server_usage

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_chat.model.files import FileLimits
    from trio_chat.store.sql.connection import Connection

_COLUMNS = """
    id, person_id, room, client_id, name, bytes, as_file, ms, peaks, made_ms,
    (SELECT hash FROM blobs WHERE blobs.id = blob_id), facts, seq IS NOT NULL, is_picture
"""


def begin_upload(connection: Connection, upload: Upload, *, limits: FileLimits, at_ms: int) -> Upload:
    """See `FileTable.begin_upload`."""
    lock_usage(connection)
    before = _begun_before(connection, upload)
    if before is not None:
        if _said(before) != _said(upload):
            raise _id_conflict()
        return before
    if limits.file_bytes and upload.bytes > limits.file_bytes:
        raise Refused(
            "too_large",
            f"A file can have {written_size(limits.file_bytes)} here. Send a smaller one.",
            limit=limits.file_bytes,
        )
    _check_person(connection, upload.person)
    _check_number(connection, upload.person, limits, at_ms)
    _check_quota(connection, upload.person, upload.bytes, upload.bytes, limits)
    return _insert(connection, upload, at_ms)


def forward_file(
    connection: Connection,
    upload: Upload,
    room: str,
    seq: int,
    n: int,
    *,
    limits: FileLimits,
    at_ms: int,
) -> Upload:
    """See `FileTable.forward_file`."""
    lock_usage(connection)
    before = _begun_before(connection, upload)
    if before is not None:
        if before.room != upload.room or not before.is_finished:
            raise _id_conflict()
        return before
    found = find_file(connection, room, seq, n)
    stored = None if found is None or found.is_picture else keep_blob(connection, found.blob)
    if found is None or stored is None:
        raise Refused("no_such_file", "This file is not there any more.")
    _check_person(connection, upload.person)
    _check_number(connection, upload.person, limits, at_ms, is_finished=True)
    _check_quota(connection, upload.person, stored, 0, limits)
    file = found.file
    facts = FileFacts(
        file.media_type, file.bytes, file.width, file.height, file.blur, file.previews, file.is_animated
    )
    begun = Upload(
        upload.id,
        upload.person,
        upload.room,
        upload.client_id,
        file.name,
        file.bytes,
        file.as_file,
        file.ms,
        file.peaks,
    )
    _insert(connection, begun, at_ms)
    finished = finish_upload(connection, upload.id, blob=found.blob, stored_bytes=stored, facts=facts)
    assert finished is not None
    return finished


def finish_upload(
    connection: Connection, upload: str, *, blob: str, stored_bytes: int, facts: FileFacts
) -> Upload | None:
    """See `FileTable.finish_upload`."""
    unfinished = connection.execute(
        f"SELECT 1 FROM uploads WHERE id = ? AND blob_id IS NULL {connection.dialect.for_update}", (upload,)
    )
    if unfinished.get is not None:
        connection.execute(
            "UPDATE uploads SET blob_id = ?, stored = ?, facts = ? WHERE id = ?",
            (*need_blob(connection, blob, stored_bytes), msgspec.json.encode(facts).decode(), upload),
        )
    return find_upload(connection, upload)


def drop_upload(connection: Connection, upload: str, *, person: str | None = None) -> bool:
    """See `FileTable.drop_upload`."""
    return forget_uploads(
        connection, "id = ? AND person_id = coalesce(?, person_id) AND seq IS NULL", (upload, person)
    )


def drop_uploads_of(connection: Connection, person: str) -> None:
    """Forget the uploads of a person that were not sent."""
    forget_uploads(connection, "person_id = ? AND seq IS NULL", (person,))


def find_upload(connection: Connection, upload: str) -> Upload | None:
    """See `FileTable.upload`."""
    return next(iter(uploads(connection, [upload])), None)


def uploads(connection: Connection, ids: Collection[str]) -> list[Upload]:
    """See `FileTable.uploads`."""
    found: list[Any] = connection.execute(
        f"SELECT {_COLUMNS} FROM uploads WHERE id IN {connection.dialect.texts} ORDER BY id",
        (json.dumps(list(ids)),),
    ).fetchall()
    return [_upload(*values) for values in found]


def expired_uploads(connection: Connection, before_ms: int, limit: int) -> list[str]:
    """See `FileTable.expired_uploads`."""
    return texts(
        connection,
        "SELECT id FROM uploads WHERE seq IS NULL AND made_ms < ? ORDER BY made_ms LIMIT ?",
        (before_ms, limit),
    )


def part_ids(connection: Connection, after: str, limit: int) -> list[str]:
    """See `FileTable.part_ids`."""
    return texts(
        connection,
        "SELECT id FROM uploads WHERE blob_id IS NULL AND id > ? ORDER BY id LIMIT ?",
        (after, limit),
    )


def _begun_before(connection: Connection, upload: Upload) -> Upload | None:
    found: Any = connection.execute(
        f"SELECT {_COLUMNS} FROM uploads WHERE person_id = ? AND client_id = ?",
        (upload.person, upload.client_id),
    ).fetchone()
    return None if found is None else _upload(*found)


def _said(upload: Upload) -> tuple[object, ...]:
    return upload.room, upload.name, upload.bytes, upload.as_file, upload.ms, upload.peaks, upload.is_picture


def _insert(connection: Connection, upload: Upload, at_ms: int) -> Upload:
    found: Any = connection.execute(
        f"""
        INSERT INTO uploads (id, person_id, room, client_id, name, bytes, as_file, ms, peaks, made_ms, is_picture)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}
        """,
        (
            upload.id,
            upload.person,
            upload.room,
            upload.client_id,
            upload.name,
            upload.bytes,
            upload.as_file,
            upload.ms,
            upload.peaks,
            at_ms,
            int(upload.is_picture),
        ),
    ).fetchone()
    return _upload(*found)


def _check_person(connection: Connection, person: str) -> None:
    if connection.execute("SELECT 1 FROM people WHERE id = ?", (person,)).get is None:
        raise Refused("no_guests", "Guests cannot send files. Come with a name.")


def _check_number(
    connection: Connection, person: str, limits: FileLimits, at_ms: int, *, is_finished: bool = False
) -> None:
    since_ms = at_ms - AT_ONCE_MS
    unsent: Any = connection.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE blob_id IS NULL AND made_ms > ?) FROM uploads
        WHERE person_id = ? AND seq IS NULL
        """,
        (since_ms, person),
    ).fetchone()
    n_unsent, n_at_once = unsent
    if n_unsent >= MAX_UNSENT:
        raise _too_many(f"You have {MAX_UNSENT} files ready that are in no message.", MAX_UNSENT)
    if is_finished:
        return
    if limits.person_uploads and n_at_once >= limits.person_uploads:
        raise _too_many(f"You upload {limits.person_uploads} files already.", limits.person_uploads)


def _too_many(why: str, limit: int) -> Refused:
    sentence = f"{why} Send, cancel or wait for some of them first."
    return Refused("too_many", sentence, limit=limit, of="person")


def _check_quota(
    connection: Connection, person: str, of_person: int, of_server: int, limits: FileLimits
) -> None:
    """Raises `Refused` (``quota``) if so many more bytes are too many for the person, or for the server."""
    left = limits.person_bytes - files_usage(connection, person)
    if limits.person_bytes and of_person > left:
        raise Refused(
            "quota",
            f"Of the {written_size(limits.person_bytes)} that you may keep here, {written_size(max(left, 0))} are"
            " left. Delete messages with files that nobody needs.",
            left=max(left, 0),
            of="person",
        )
    left = limits.server_bytes - server_usage(connection)
    if limits.server_bytes and of_server > left:
        raise Refused(
            "quota",
            f"This server has {written_size(max(left, 0))} left for files. Send a smaller one, or ask who runs it.",
            left=max(left, 0),
            of="server",
        )


def _id_conflict() -> Refused:
    return Refused("id_conflict", "This id was used before, for something else.")


def _upload(*values: Any) -> Upload:  # noqa: ANN401
    (
        upload,
        person,
        room,
        client_id,
        name,
        size,
        as_file,
        ms,
        peaks,
        made_ms,
        blob,
        facts,
        is_sent,
        is_picture,
    ) = values
    return Upload(
        upload,
        person,
        room,
        client_id,
        name,
        size,
        bool(as_file),
        ms,
        peaks,
        made_ms,
        blob,
        None if facts is None else msgspec.json.decode(facts, type=FileFacts),
        bool(is_sent),
        bool(is_picture),
    )
