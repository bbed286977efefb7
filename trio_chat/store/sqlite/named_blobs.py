"""The blobs that a database names. Synchronous, over any connection; for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trio_chat.store.sqlite.file_schema import make_files
from trio_chat.store.sqlite.schema import MIGRATIONS, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw


AT_A_TIME: Final = 1_000

FORMAT_WITH_FILES: Final = MIGRATIONS.index(make_files) + 1


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
            "SELECT hash, bytes FROM blobs WHERE hash > ? ORDER BY hash LIMIT ?", (last, AT_A_TIME)
        ).fetchall()
        yield from map(NamedBlob._make, some)
        if len(some) < AT_A_TIME:
            return
        last = some[-1][0]


def count_blobs(connection: apsw.Connection) -> int:
    """How many there are."""
    if format_of(connection) < FORMAT_WITH_FILES:
        return 0
    n: int = connection.execute("SELECT count(*) FROM blobs").get
    return n


def is_named(connection: apsw.Connection, blob: str) -> bool:
    """Whether the blob with this hash is still needed."""
    return connection.execute("SELECT 1 FROM blobs WHERE hash = ?", (blob,)).get is not None


def place_of(connection: apsw.Connection, blob: str) -> Place | None:
    """One of the messages that have a blob; None if it is only of uploads that were not sent."""
    found = connection.execute(
        "SELECT name, seq, n FROM files JOIN rooms ON rooms.id = room_id WHERE hash = ? ORDER BY 1, 2, 3 LIMIT 1",
        (blob,),
    ).fetchone()
    return None if found is None else Place._make(found)
