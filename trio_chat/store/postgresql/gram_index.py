"""PostgreSQL's index of grams: the codes of each message (`trio_chat.store.postgresql.codes`) in its row of `docs`,
with a GIN over them. Synchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.store.postgresql.codes import codes_of
from trio_chat.store.postgresql.search_candidates import GinCandidates
from trio_chat.store.sql.batches import write_rows
from trio_chat.store.sql.search_index import indexed_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence, Set

    from trio_chat.search.query import Query
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_candidates import SearchedRoom
    from trio_chat.store.sql.search_index import GramIndex, MessageRow

CHARS_AT_A_TIME: Final = 20_000
"""The grams of so many characters take up to a tenth of a second. PostgreSQL must hear something meanwhile: it ends who
is silent in a transaction (`trio_chat.store.postgresql.connect`), and a hundred long messages took ten seconds."""


class GinIndex:
    """A `GramIndex`. A message that was deleted has no codes."""

    version = "/gin 1"

    def clear(self, connection: Connection, /) -> None:
        """See `GramIndex`."""
        connection.execute("DELETE FROM docs")

    def add(self, connection: Connection, messages: Sequence[MessageRow], /) -> None:
        """See `GramIndex`."""
        rows: list[tuple[int, int, int, int, list[int]]] = []
        n_chars = 0
        for message in messages:
            codes: list[int] = []
            for _, text in indexed_texts([message]):
                codes = codes_of(text, message.doc_id)
                n_chars += len(text)
            rows.append((message.doc_id, message.room_id, message.seq, message.at_ms, codes))
            if n_chars >= CHARS_AT_A_TIME:
                self._insert(connection, rows)
                rows, n_chars = [], 0
        if rows:
            self._insert(connection, rows)

    def _insert(self, connection: Connection, rows: Sequence[tuple[int, int, int, int, list[int]]]) -> None:
        connection.executemany("INSERT INTO docs VALUES (?, ?, ?, ?, CAST(? AS int[]))", rows)

    def change(
        self, connection: Connection, before: Sequence[MessageRow], after: Sequence[MessageRow], /
    ) -> None:
        """See `GramIndex`."""
        rows = [(codes_of(text, message.doc_id), message.doc_id) for message, text in indexed_texts(after)]
        if rows:
            connection.executemany("UPDATE docs SET grams = CAST(? AS int[]) WHERE id = ?", rows)

    def forget(self, connection: Connection, room_id: int, seqs: Collection[int], /) -> None:
        """See `GramIndex`."""
        self.note_deleted(connection, [(room_id, seq) for seq in seqs])

    def note_deleted(self, connection: Connection, places: Collection[tuple[int, int]], /) -> None:
        """See `GramIndex`."""
        write_rows(
            connection,
            f"UPDATE docs SET grams = '{{}}' FROM {connection.dialect.rows_of('room_id int, seq int')} AS gone "
            "WHERE docs.room_id = gone.room_id AND docs.seq = gone.seq AND docs.grams <> '{}'",
            list(places),
        )

    def candidates(
        self,
        connection: Connection,
        rooms: Mapping[int, SearchedRoom],
        query: Query,
        sender_ids: Set[str],
        /,
    ) -> GinCandidates:
        """See `GramIndex`."""
        return GinCandidates(connection, rooms, query, sender_ids)


GIN_INDEX = GinIndex()

if TYPE_CHECKING:
    _fulfils: GramIndex = GIN_INDEX
