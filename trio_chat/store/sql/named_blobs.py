"""The blobs that a database names. Synchronous, over any connection; for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trio_chat.store.sql.blobs import has_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.store.sql.connection import Connection


AT_A_TIME: Final = 1_000


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


class NamedBlobs:
    """The blobs of a database.

    In older formats there were none (``has_files``), or they had no numbers, and those that were gone stood elsewhere
    (``has_numbers``).
    """

    def __init__(self, connection: Connection, *, has_files: bool = True, has_numbers: bool = True) -> None:
        self._connection = connection
        self._has_files = has_files
        self._has_numbers = has_numbers
        self._is_needed = "gone = 0" if has_numbers else "true"

    def __iter__(self) -> Iterator[NamedBlob]:
        """All of them, in the order of their hashes; some at a time, so that no snapshot is held."""
        last = ""
        while self._has_files:
            some: list[Any] = self._connection.execute(
                f"""
                SELECT hash, bytes FROM blobs
                WHERE substr(hash, 1, 4) >= substr(?1, 1, 4) AND hash > ?1 AND {self._is_needed}
                ORDER BY substr(hash, 1, 4), hash LIMIT ?2
                """,
                (last, AT_A_TIME),
            ).fetchall()
            yield from map(NamedBlob._make, some)
            if len(some) < AT_A_TIME:
                return
            last = some[-1][0]

    def count(self) -> int:
        """How many there are."""
        if not self._has_files:
            return 0
        n: int = self._connection.execute(f"SELECT count(*) FROM blobs WHERE {self._is_needed}").get
        return n

    def has(self, blob: str) -> bool:
        """Whether the blob with this hash is still needed."""
        is_it = f"{has_hash('?1')} AND {self._is_needed}"
        return self._connection.execute(f"SELECT 1 FROM blobs WHERE {is_it}", (blob,)).get is not None

    def place_of(self, blob: str) -> Place | None:
        """One of the messages that have a blob; None if it is only of uploads that were not sent."""
        is_it = (
            f"blob_id = (SELECT id FROM blobs WHERE {has_hash('?1')})" if self._has_numbers else "hash = ?1"
        )
        found = self._connection.execute(
            f"""
            SELECT name, seq, n FROM files JOIN rooms ON rooms.id = room_id
            WHERE {is_it} ORDER BY 1, 2, 3 LIMIT 1
            """,
            (blob,),
        ).fetchone()
        return None if found is None else Place._make(found)
