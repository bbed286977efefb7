"""What the SQL of stores runs on: a connection to either engine, and the few words in which the engines differ.

One SQL for two engines, so:

- parameters are ``?``, or ``?1``, ``?2``, … for those that are named twice, or all have names, ``:name``;
- ``INSERT … ON CONFLICT DO NOTHING`` or ``ON CONFLICT (key) DO UPDATE``, never ``INSERT OR …`` (after a SELECT there
  must be a WHERE before it, which SQLite needs to tell it from a join);
- flags, times and counts are integers, in columns and parameters; what is asked of a flag is ``flag <> 0``;
- a parameter that is only compared with NULL is cast: ``CAST(?1 AS text) IS NULL``;
- texts are in the order of their bytes; one statement in each call; no rowid, GLOB, total(), strftime();
- many values are one parameter, as JSON (`Dialect.ints`, `Dialect.texts`, `Dialect.rows_of`).

Synchronous, one thread at a time. Nothing of it opens, commits or closes: that is the engine's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from trio_chat.store.sql.search_index import GramIndex


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Rows(Protocol):
    """Rows that a statement returned, as tuples."""

    @property
    def get(self) -> Any:  # noqa: ANN401
        """Of the one row that there is: its value if it has one column, else the tuple. None without a row."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401
        """The next row; None if there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that were not fetched yet."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Connection to the database of a store."""

    @property
    def dialect(self) -> Dialect:
        """The words in which its engine differs."""
        ...

    def execute(self, sql: str, parameters: Any = (), /) -> Rows:  # noqa: ANN401
        """Run one statement, with a sequence of parameters, or a mapping of those with names."""
        ...

    def executemany(self, sql: str, many: Iterable[Any], /) -> object:
        """Run one statement for each of the sequences of parameters."""
        ...

    @property
    def unreadable(self) -> tuple[type[Exception], ...]:
        """What is raised for what cannot be read because it is damaged."""
        ...

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one snapshot of the database inside the block. Not in a transaction that writes."""
        ...

    def lock(self, subject: str, names: Collection[str], /) -> None:
        """Keep whoever locks one of these names of a subject waiting until the transaction ends. Who writes to SQLite
        is alone anyway."""
        ...

    def wipe_around(self, table: str, key: str, places: Sequence[tuple[Any, ...]], /) -> None:
        """Wipe what the engine leaves behind, as far as it lies near the rows at these places (values of the primary
        ``key``), of rows that were deleted there or texts that were set to NULL."""
        ...

    @property
    def index(self) -> GramIndex:
        """The index of the search."""
        ...

    def structs(self, kind: type[_Struct], sql: str, parameters: Any = (), /) -> list[_Struct]:  # noqa: ANN401
        """All rows of a query, whose columns are the fields of the struct, which is array-like."""
        ...


@attrs.frozen(eq=False)
class Dialect:
    """Words in which an engine differs, for use inside f-strings."""

    ints: str
    """After IN: one parameter, a JSON list of integers."""
    texts: str
    """After IN: one parameter, a JSON list of texts."""
    numbered: str
    """A table (place, value) of one parameter, a JSON list of integers, with their places from 0 on."""
    greatest: str
    """The function that returns the greatest of its arguments, none of which is NULL."""
    patched_policy: str
    """What ``rooms.policy`` becomes by one parameter, a JSON object: what is null there goes."""
    table_of_rows: str
    """A table of a JSON list of lists, for ``{columns}``, each of which is a `column_of_row`."""
    column_of_row: str
    """Value ``{number}`` of such a list, of the type ``{type}``, as the column ``{name}``."""
    for_update: str
    """At the end of a query: nobody else changes these rows until the transaction ends."""
    is_guest: str
    """Whether ``person_id`` is that of a guest, in the words of the index."""
    change: str
    """The number of what this transaction changes of lists of rooms (`trio_chat.store.sql.list_changes`)."""
    last_change: str
    """A query of one value: the last number up to which this snapshot has all changes."""
    mentions: str
    """Whether the body ``{body}`` of a message mentions the person ``{person}``, or all."""
    has_nodes: bool
    """Whether several servers may use the database at the same time."""
    has_index_hints: bool

    def rows_of(self, columns: str) -> str:
        """After FROM or JOIN, before an alias: a table of these columns (``"seq int, emoji text"``) out of one
        parameter, a JSON list of lists. The types are int and text; null is NULL."""
        return _rows_of(self, columns)

    def by_index(self, index: str) -> str:
        """Behind a table and its alias: use this index, if the engine takes advice."""
        return f" INDEXED BY {index}" if self.has_index_hints else ""


_TYPES = {"int": "bigint", "text": "text"}


@lru_cache(maxsize=256)
def _rows_of(dialect: Dialect, columns: str) -> str:
    selected = []
    for number, column in enumerate(columns.split(", ")):
        name, kind = column.split()
        selected.append(dialect.column_of_row.format(number=number, name=name, type=_TYPES[kind]))
    return dialect.table_of_rows.format(columns=", ".join(selected))
