"""Blobs: which are needed, which are coming, and which are gone. Synchronous; writes belong into the writer's
transaction.

Which are gone is written by the triggers of `file_schema`.

Where one server puts blobs, a blob's name is the hash of its content. Where several do, each time that a content comes
has a name of its own, which is never used again once that blob is gone (`name_blob`): so a removal may come as late as
it likes, and nobody has to wait for it.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from trio_chat.errors import BlobGone
from trio_chat.model.files import HASH_CHARS, BlobName
from trio_chat.store.sql.batches import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_chat.store.sql.connection import Connection

_GONE: Final = 1
_TAKEN: Final = 2
"""Values of ``gone``: nothing needs it any more; and a server is at removing it."""


def has_hash(value: str) -> str:
    """The condition by which the blob of this name is found in the table ``blobs``."""
    return f"substr(hash, 1, 4) = substr({value}, 1, 4) AND hash = {value}"


# -- needed --


def known_blobs(connection: Connection, after: str, limit: int) -> list[str]:
    """See `FileTable.known_blobs`."""
    # In one statement: a blob that was coming is needed from one moment to the next.
    coming = "UNION ALL SELECT hash FROM coming_blobs WHERE hash > ?1" if connection.dialect.has_nodes else ""
    return texts(
        connection,
        f"""
        SELECT hash FROM (
            SELECT hash FROM blobs WHERE substr(hash, 1, 4) >= substr(?1, 1, 4) AND hash > ?1 AND gone = 0 {coming}
        ) AS known
        ORDER BY substr(hash, 1, 4), hash LIMIT ?2
        """,
        (after, limit),
    )


def need_blob(connection: Connection, blob: str, stored_bytes: int) -> tuple[int, int]:
    """Note that a blob is needed, which takes so many bytes unless it was needed already; its id, and what it takes.

    Of two with the same content one is needed, and the other is gone. Raises `BlobGone` for a name that `name_blob` has
    given and that is neither coming nor needed (any more).
    """
    if len(blob) > HASH_CHARS:
        return _need_named(connection, blob, stored_bytes)
    _lock_blob(connection, blob)  # nobody takes the last that has it away meanwhile
    connection.execute(
        f"UPDATE blobs SET gone = 0, bytes = ?2 WHERE {has_hash('?1')} AND gone <> 0", (blob, stored_bytes)
    )
    # Nothing keeps SQLite from having it twice, where one connection writes; where several do, there is an index.
    connection.execute(
        f"""
        INSERT INTO blobs (hash, bytes) SELECT CAST(?1 AS text), CAST(?2 AS bigint)
        WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE {has_hash("?1")}) ON CONFLICT DO NOTHING
        """,
        (blob, stored_bytes),
    )
    found: Any = connection.execute(f"SELECT id, bytes FROM blobs WHERE {has_hash('?1')}", (blob,)).fetchone()
    blob_id, size = found
    return blob_id, size


def keep_blob(connection: Connection, blob: str) -> int | None:
    """What a blob takes, with its previews, if it is needed: until the transaction ends it stays so. Else None."""
    _lock_blob(connection, blob)
    size = connection.execute(f"SELECT bytes FROM blobs WHERE gone = 0 AND {has_hash('?1')}", (blob,)).get
    assert size is None or isinstance(size, int)
    return size


def _lock_blob(connection: Connection, blob: str) -> None:
    if connection.dialect.for_update:
        connection.execute(
            f"SELECT id FROM blobs WHERE {has_hash('?1')} {connection.dialect.for_update}", (blob,)
        )


# -- coming, where several servers put blobs --


def name_blob(connection: Connection, upload: str, content_hash: str) -> BlobName | None:
    """See `FileTable.name_blob`."""
    unfinished = connection.execute(
        f"SELECT 1 FROM uploads WHERE id = ? AND blob_id IS NULL {connection.dialect.for_update}", (upload,)
    )
    if unfinished.get is None:  # with it goes what is coming for it
        return None
    found = connection.execute(
        f"SELECT hash FROM blobs WHERE {_HAS_CONTENT} AND length(hash) > {HASH_CHARS} AND gone = 0",
        (content_hash,),
    ).get
    if found is not None:
        return BlobName(str(found), is_there=True)
    # What came before for this upload was something else, if the previews are made in another way now.
    connection.execute(
        f"""
        WITH other AS (
            DELETE FROM coming_blobs WHERE upload_id = ? AND substr(hash, 1, {HASH_CHARS}) <> ? RETURNING hash
        )
        INSERT INTO blobs (hash, bytes, gone) SELECT hash, 0, {_GONE} FROM other
        """,
        (upload, content_hash),
    )
    name = connection.execute(
        """
        INSERT INTO coming_blobs (upload_id, hash) VALUES (?, ?)
        ON CONFLICT (upload_id) DO UPDATE SET hash = coming_blobs.hash RETURNING hash
        """,
        (upload, f"{content_hash}{secrets.token_hex(8)}"),
    ).get
    return BlobName(str(name), is_there=False)


def _need_named(connection: Connection, blob: str, stored_bytes: int) -> tuple[int, int]:
    content_hash = blob[:HASH_CHARS]
    connection.lock("blob", [content_hash])
    # A chat may have come to one server from where there were several.
    was_coming = (
        connection.dialect.has_nodes
        and connection.execute("DELETE FROM coming_blobs WHERE hash = ? RETURNING 1", (blob,)).get
    )
    found: Any = connection.execute(
        f"SELECT id, bytes, hash FROM blobs WHERE {_HAS_CONTENT} AND gone = 0 {connection.dialect.for_update}",
        (content_hash,),
    ).fetchone()
    if found is None and not was_coming:
        raise BlobGone
    if found is None or was_coming:
        connection.execute(
            "INSERT INTO blobs (hash, bytes, gone) VALUES (?, ?, ?)",
            (blob, stored_bytes, 0) if found is None else (blob, 0, _GONE),
        )
    if found is None:
        found = connection.execute(
            f"SELECT id, bytes, hash FROM blobs WHERE {has_hash('?1')}", (blob,)
        ).fetchone()
    blob_id, size, _ = found
    return blob_id, size


_HAS_CONTENT: Final = f"substr(hash, 1, 4) = substr(?1, 1, 4) AND substr(hash, 1, {HASH_CHARS}) = ?1"


# -- gone --


def has_gone(connection: Connection) -> bool:
    """Whether there are blobs that nothing needs any more, and that no server is at removing."""
    found = connection.execute(f"SELECT 1 FROM blobs WHERE gone <> 0 AND gone = {_GONE} LIMIT 1")
    return found.get is not None


def gone_blobs(connection: Connection, limit: int) -> list[str]:
    """See `FileTable.gone_blobs`."""
    return texts(connection, "SELECT hash FROM blobs WHERE gone <> 0 ORDER BY id LIMIT ?", (limit,))


def take_gone(connection: Connection, limit: int) -> list[str]:
    """See `FileTable.take_gone`."""
    return texts(
        connection,
        f"""
        UPDATE blobs SET gone = {_TAKEN} WHERE id IN (
            SELECT id FROM blobs WHERE gone <> 0 AND gone = {_GONE} ORDER BY id LIMIT ?
            {connection.dialect.for_update} SKIP LOCKED
        ) RETURNING hash
        """,
        (limit,),
    )


def give_gone_back(connection: Connection) -> None:
    """See `FileTable.give_gone_back`."""
    connection.execute(f"UPDATE blobs SET gone = {_GONE} WHERE gone <> 0 AND gone = {_TAKEN}")


def forget_gone(connection: Connection, blobs: Sequence[str]) -> None:
    """See `FileTable.forget_gone`."""
    among = connection.dialect.texts
    ids = connection.execute(
        f"DELETE FROM blobs WHERE substr(hash, 1, 4) IN {among} AND hash IN {among} AND gone <> 0 RETURNING id",
        (json.dumps([blob[:4] for blob in blobs]), json.dumps(list(blobs))),
    ).fetchall()
    if ids:
        connection.wipe_around("blobs", "id", ids)
