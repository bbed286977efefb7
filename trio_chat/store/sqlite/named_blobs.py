"""The blobs that a database names. Synchronous, over any connection; for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trio_chat.store.sql.files import has_hash
from trio_chat.store.sqlite.file_schema import keep_each_hash_once, make_files
from trio_chat.store.sqlite.schema import MIGRATIONS, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw


AT_A_TIME: Final = 1_000

FORMAT_WITH_FILES: Final = MIGRATIONS.index(make_files) + 1
FORMAT_WITH_NUMBERS: Final = MIGRATIONS.index(keep_each_hash_once) + 1
"""Before, blobs had no numbers, and those that were gone stood elsewhere."""


class NamedBlob(NamedTuple):
    """A blob that something needs."""

    hash: str
    bytes: int
    """What its content takes with its previews."""


class Place(NamedTuple):
    """File ``n`` of a message."""

    room: str
    seq: int
    n: int

    def __str__(self) -> str:
        return f"file {self.n + 1} of message {self.seq} in room {self.room!r}"


def named_blobs(connection: apsw.Connection) -> Iterator[NamedBlob]:
    """All of them, in the order of their hashes; some at a time, so that no snapshot is held."""
    last = ""
    while format_of(connection) >= FORMAT_WITH_FILES:
        some: list[Any] = connection.execute(
            f"""
            SELECT hash, bytes FROM blobs
            WHERE substr(hash, 1, 4) >= substr(?1, 1, 4) AND hash > ?1 AND {_is_needed(connection)}
            ORDER BY substr(hash, 1, 4), hash LIMIT ?2
            """,
            (last, AT_A_TIME),
        ).fetchall()
        yield from map(NamedBlob._make, some)
        if len(some) < AT_A_TIME:
            return
        last = some[-1][0]


def count_blobs(connection: apsw.Connection) -> int:
    """How many there are."""
    if format_of(connection) < FORMAT_WITH_FILES:
        return 0
    n: int = connection.execute(f"SELECT count(*) FROM blobs WHERE {_is_needed(connection)}").get
    return n


def is_named(connection: apsw.Connection, blob: str) -> bool:
    """Whether the blob with this hash is still needed."""
    is_it = f"{has_hash('?1')} AND {_is_needed(connection)}"
    return connection.execute(f"SELECT 1 FROM blobs WHERE {is_it}", (blob,)).get is not None


def place_of(connection: apsw.Connection, blob: str) -> Place | None:
    """One of the messages that have a blob; None if it is only of uploads that were not sent."""
    is_it = (
        f"blob_id = (SELECT id FROM blobs WHERE {has_hash('?1')})"
        if _has_numbers(connection)
        else "hash = ?1"
    )
    found = connection.execute(
        f"""
        SELECT name, seq, n FROM files JOIN rooms ON rooms.id = room_id
        WHERE {is_it} ORDER BY 1, 2, 3 LIMIT 1
        """,
        (blob,),
    ).fetchone()
    return None if found is None else Place._make(found)


def _has_numbers(connection: apsw.Connection) -> bool:
    return format_of(connection) >= FORMAT_WITH_NUMBERS


def _is_needed(connection: apsw.Connection) -> str:
    return "gone = 0" if _has_numbers(connection) else "true"
