"""SQLite's side of `trio_chat.store.sql.connection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import apsw
import msgspec

from trio_chat.store.sql.connection import Dialect
from trio_chat.store.sqlite.erasing import rewrite_around
from trio_chat.store.sqlite.gram_index import FTS_INDEX
from trio_chat.store.sqlite.structs import read_structs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager

    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_index import GramIndex

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

SQLITE = Dialect(
    ints="(SELECT value FROM json_each(?))",
    texts="(SELECT value FROM json_each(?))",
    numbered="(SELECT key AS place, value FROM json_each(?))",
    greatest="max",
    patched_policy="json_patch(policy, ?)",
    table_of_rows="(SELECT {columns} FROM json_each(?))",
    column_of_row="value ->> {number} AS {name}",
    for_update="",
    is_guest="person_id GLOB 'g-*'",
    change="(SELECT coalesce(max(changed), 0) + 1 FROM rooms)",
    last_change="SELECT coalesce(max(changed), 0) FROM rooms",
    mentions="""
        CASE WHEN instr({body}, '"mentions":') AND json_valid({body}) THEN EXISTS (
            SELECT 1 FROM json_each({body}, '$.mentions') WHERE value IN ({person}, 'all')
        ) END
    """,
    has_nodes=False,
    has_index_hints=True,
)


class SqliteConnection(apsw.Connection):
    """Connection to a SQLite file. It has the whole of apsw as well, for what only SQLite is asked."""

    dialect = SQLITE

    index: GramIndex = FTS_INDEX

    has_wiped = False
    """Whether `wipe_around` was called; who takes note of it sets it back."""

    unreadable = (apsw.CorruptError, UnicodeDecodeError)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        # Else SQLite compiles a statement anew for each value of its parameters that could change the plan, whatever is
        # cached: 0.5 ms for a person's list of rooms that takes 0.05. Ours are written for one plan.
        self.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)

    def lock(self, _subject: str, _names: Collection[str], /) -> None:
        """See `Connection`."""

    def snapshot(self) -> AbstractContextManager[object]:
        """See `Connection`."""
        return self

    def wipe_around(self, table: str, key: str, places: Sequence[tuple[Any, ...]], /) -> None:
        """See `Connection`."""
        self.has_wiped = True
        rewrite_around(self, table, key, places)

    def structs(self, kind: type[_Struct], sql: str, parameters: Any = (), /) -> list[_Struct]:  # noqa: ANN401
        """See `Connection`."""
        return read_structs(self, kind, sql, parameters)


if TYPE_CHECKING:
    _fulfils: type[Connection] = SqliteConnection
