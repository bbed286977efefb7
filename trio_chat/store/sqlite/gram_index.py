"""SQLite's index of grams: the FTS5 table `search`. Synchronous, called in the writer's transactions.

Many small calls are slow beside a busy thread (`trio_chat.store.sqlite.writer`), so each brings many rows, as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql.batches import write_rows
from trio_chat.store.sql.search_index import indexed_state_of, indexed_texts
from trio_chat.store.sqlite.search_candidates import FtsCandidates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence, Set

    from trio_chat.search.query import Query
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_candidates import SearchedRoom
    from trio_chat.store.sql.search_index import GramIndex, MessageRow


class FtsIndex:
    """A `GramIndex`. Its texts are nowhere: what is taken out has to be said as it was put in."""

    version = ""

    def clear(self, connection: Connection, /) -> None:
        """See `GramIndex`."""
        connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
        connection.execute("DELETE FROM docs")

    def add(self, connection: Connection, messages: Sequence[MessageRow], /) -> None:
        """See `GramIndex`."""
        write_rows(
            connection,
            "INSERT INTO docs (id, room_id, seq, at_ms) "
            "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
            [(message.doc_id, message.room_id, message.seq, message.at_ms) for message in messages],
        )
        _insert(connection, messages)

    def change(
        self, connection: Connection, before: Sequence[MessageRow], after: Sequence[MessageRow], /
    ) -> None:
        """See `GramIndex`."""
        _remove(connection, before)
        _insert(connection, after)

    def forget(self, connection: Connection, room_id: int, seqs: Collection[int], /) -> None:
        """See `GramIndex`."""
        done = connection.execute("SELECT seq FROM indexed WHERE room_id = ?", (room_id,)).get
        if done is not None:
            places = {(room_id, seq) for seq in seqs}
            _remove(connection, indexed_state_of(connection, places, {room_id: done}))

    def note_deleted(self, connection: Connection, places: Collection[tuple[int, int]], /) -> None:
        """See `GramIndex`. There is nothing to do: one connection deletes and indexes."""

    def candidates(
        self,
        connection: Connection,
        rooms: Mapping[int, SearchedRoom],
        query: Query,
        sender_ids: Set[str],
        /,
    ) -> FtsCandidates:
        """See `GramIndex`."""
        return FtsCandidates(connection, rooms, query, sender_ids)


def _insert(connection: Connection, messages: Iterable[MessageRow]) -> None:
    # Ascending: FTS5 writes what it has gathered when a smaller number comes.
    write_rows(
        connection,
        "INSERT INTO search (rowid, text) SELECT value ->> 0, value ->> 1 FROM json_each(?)",
        _rows(messages),
    )


def _remove(connection: Connection, messages: Iterable[MessageRow]) -> None:
    write_rows(
        connection,
        "INSERT INTO search (search, rowid, text) SELECT 'delete', value ->> 0, value ->> 1 FROM json_each(?)",
        _rows(messages),
    )


def _rows(messages: Iterable[MessageRow]) -> list[tuple[int, str]]:
    return [(message.doc_id, text) for message, text in indexed_texts(messages)]


FTS_INDEX = FtsIndex()

if TYPE_CHECKING:
    _fulfils: GramIndex = FTS_INDEX
