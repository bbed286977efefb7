"""SQLite's side of `trio_chat.store.sql.connection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

from trio_chat.store.sql.connection import Dialect
from trio_chat.store.sqlite.erasing import rewrite_around
from trio_chat.store.sqlite.search_index import forget

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager

    from trio_chat.store.sql.connection import Connection

SQLITE = Dialect(
    ints="(SELECT value FROM json_each(?))",
    texts="(SELECT value FROM json_each(?))",
    greatest="max",
    least="min",
    patched_policy="json_patch(policy, ?)",
    table_of_rows="(SELECT {columns} FROM json_each(?))",
    column_of_row="value ->> {number} AS {name}",
    for_update="",
    begins_with="{text} GLOB '{beginning}*'",
    mentions="""
        CASE WHEN instr({body}, '"mentions":') AND json_valid({body}) THEN EXISTS (
            SELECT 1 FROM json_each({body}, '$.mentions') WHERE value IN ({person}, 'all')
        ) END
    """,
    has_index_hints=True,
)


class SqliteConnection(apsw.Connection):
    """Connection to a SQLite file. It has the whole of apsw as well, for what only SQLite is asked."""

    dialect = SQLITE

    unreadable = (apsw.CorruptError, UnicodeDecodeError)

    def lock(self, _subject: str, _names: Collection[str], /) -> None:
        """See `Connection`."""

    def snapshot(self) -> AbstractContextManager[object]:
        """See `Connection`."""
        return self

    def wipe_around(self, table: str, key: str, places: Sequence[tuple[Any, ...]], /) -> None:
        """See `Connection`."""
        rewrite_around(self, table, key, places)

    def forget_indexed(self, room_id: int, seqs: Collection[int], /) -> None:
        """See `Connection`."""
        forget(self, room_id, seqs)


if TYPE_CHECKING:
    _fulfils: type[Connection] = SqliteConnection
