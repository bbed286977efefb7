"""Copying: at first everything, then again and again what has changed meanwhile. Synchronous."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trio_chat.errors import StartError
from trio_chat.store.sql.batches import to_json
from trio_chat.store.sql.moves import CHANGES
from trio_chat.store.sql.tables import BESIDE_EVENTS, EVENTS, STAYING_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from trio_chat.store.moving.end import End, Row
    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.tables import Table

ROWS_AT_A_TIME: Final = 2_000
"""Rows that are read in one call: with texts of the greatest length they take some MiB."""

ROOMS_AT_A_TIME: Final = 1_000


class Copier:
    """Copies a chat from one end to the other. ``report`` is told how many events are copied, of how many."""

    def __init__(self, source: End, target: End, report: Callable[[int, int], object]) -> None:
        self._source = source
        self._target = target
        self._report = report
        self._types = {table.name: source.columns(table) for table in (*BESIDE_EVENTS, EVENTS)}
        self._columns = {
            table.name: _common(
                self._types[table.name], target.columns(table).keys() - STAYING_COLUMNS.get(table.name, set())
            )
            for table in (*BESIDE_EVENTS, EVENTS)
        }

    def columns(self, table: Table) -> Sequence[str]:
        """The columns of a table that move: of those that both ends have, all but `STAYING_COLUMNS`."""
        return self._columns[table.name]

    def copy_tables(self) -> None:
        """Copy all tables but the log, in a snapshot of the source, into those of the target, which are empty."""
        for table in BESIDE_EVENTS:
            columns = self._columns[table.name]
            for page in pages(self._source.connection, table, columns):
                self._target.insert(table, columns, page)

    def copy_events(self, transaction: Callable[[], AbstractContextManager[object]]) -> int:
        """Copy those events of all rooms that the target does not have yet, many in each ``transaction`` of it; returns
        how many. What was written is read again, and compared."""
        there = dict(heads(self._target.connection))
        here = list(heads(self._source.connection))
        done, total = sum(there.values()), sum(head for _, head in here)
        copied = 0
        for stretches in _grouped(_stretches(here, there)):
            with transaction():
                for stretch in stretches:
                    copied += self._copy_stretch(stretch)
            self._report(done + copied, total)
        return copied

    def _copy_stretch(self, stretch: _Stretch) -> int:
        rows = self._events(self._source.connection, stretch)
        self._target.insert(EVENTS, self._columns["events"], rows)
        if self._events(self._target.connection, stretch) != rows:
            raise StartError(f"{self._target.name} does not hold what was written to it. Nothing was moved.")
        return len(rows)

    def copy_changes(self) -> list[int]:
        """Copy the rows of all tables that have changed, as they are now: inside a snapshot of the source, and a
        transaction of the target. Returns the numbers of the changes that were copied."""
        found = self._source.connection.execute(f"SELECT n, tab, key FROM {CHANGES} ORDER BY n").fetchall()
        keys: dict[str, dict[str, None]] = {}
        for _, table, key in found:
            keys.setdefault(table, {})[key] = None
        changed = {
            table: [self._key(table, key) for key in keys[table.name]]
            for table in (*BESIDE_EVENTS, EVENTS)
            if table.name in keys
        }
        if EVENTS in changed:  # what the target does not have yet comes with the other events
            there = self._target.connection
            changed[EVENTS] = [key for key in changed[EVENTS] if self._find(there, EVENTS, key) is not None]
        # What was there goes first: a name, say, may have come to somebody else.
        for table, of_it in changed.items():
            self._target.connection.executemany(f"DELETE FROM {table.name} WHERE {_is_key(table)}", of_it)
        for table, of_it in changed.items():
            here = self._source.connection
            rows = [row for key in of_it if (row := self._find(here, table, key)) is not None]
            for start in range(0, len(rows), ROWS_AT_A_TIME):
                self._target.insert(table, self._columns[table.name], rows[start : start + ROWS_AT_A_TIME])
            self._target.wipe(table, of_it)
        return [n for n, _, _ in found]

    def forget_changes(self, numbers: Sequence[int]) -> None:
        """Forget changes of the source that were copied."""
        ints = self._source.connection.dialect.ints
        for start in range(0, len(numbers), ROWS_AT_A_TIME):
            some = numbers[start : start + ROWS_AT_A_TIME]
            with self._source.writing():
                self._source.connection.execute(f"DELETE FROM {CHANGES} WHERE n IN {ints}", (to_json(some),))

    def _key(self, table: Table, key: str) -> Row:
        types = self._types[table.name]
        return tuple(
            bytes.fromhex(value) if types[column] in ("blob", "bytea") else value
            for column, value in zip(table.key, json.loads(key), strict=True)
        )

    def _find(self, connection: Connection, table: Table, key: Row) -> Row | None:
        row: Row | None = connection.execute(
            f"SELECT {', '.join(self._columns[table.name])} FROM {table.name} WHERE {_is_key(table)}", key
        ).fetchone()
        return row

    def _events(self, connection: Connection, stretch: _Stretch) -> list[Row]:
        found: list[Any] = connection.execute(
            f"SELECT {', '.join(self._columns['events'])} FROM events "
            "WHERE room_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
            stretch,
        ).fetchall()
        return found


class _Stretch(NamedTuple):
    """Events of a room: those behind number ``after`` up to number ``last``."""

    room_id: int
    after: int
    last: int


def _stretches(here: Iterable[tuple[int, int]], there: Mapping[int, int]) -> Iterator[_Stretch]:
    for room_id, head in here:
        for after in range(there.get(room_id, 0), head, ROWS_AT_A_TIME):
            yield _Stretch(room_id, after, min(head, after + ROWS_AT_A_TIME))


def _grouped(stretches: Iterable[_Stretch]) -> Iterator[list[_Stretch]]:
    """As many together as make one good transaction."""
    group: list[_Stretch] = []
    n_rows = 0
    for stretch in stretches:
        group.append(stretch)
        n_rows += stretch.last - stretch.after
        if n_rows >= ROWS_AT_A_TIME:
            yield group
            group, n_rows = [], 0
    if group:
        yield group


def _is_key(table: Table) -> str:
    return " AND ".join(f"{column} = ?" for column in table.key)


def pages(connection: Connection, table: Table, columns: Iterable[str]) -> Iterator[list[Row]]:
    """The rows of a table in the order of its key, some at a time."""
    selected = ", ".join((*columns, *table.key))
    marks = ", ".join("?" * len(table.key))
    n_keys = len(table.key)
    after: Row = ()
    while True:
        behind = f"WHERE ({table.keys}) > ({marks})" if after else ""
        found: list[Any] = connection.execute(
            f"SELECT {selected} FROM {table.name} {behind} ORDER BY {table.keys} LIMIT ?",
            (*after, ROWS_AT_A_TIME),
        ).fetchall()
        yield [row[:-n_keys] for row in found]
        if len(found) < ROWS_AT_A_TIME:
            return
        after = found[-1][-n_keys:]


def heads(connection: Connection) -> Iterator[tuple[int, int]]:
    """The ids of all rooms, in their order, with the numbers of their last events (0: none)."""
    last = -(2**63)
    while True:
        found: list[Any] = connection.execute(
            """
            SELECT id, coalesce((SELECT max(seq) FROM events WHERE room_id = rooms.id), 0) FROM rooms
            WHERE id > ? ORDER BY id LIMIT ?
            """,
            (last, ROOMS_AT_A_TIME),
        ).fetchall()
        yield from found
        if len(found) < ROOMS_AT_A_TIME:
            return
        last = found[-1][0]


def _common(here: Iterable[str], there: Collection[str]) -> tuple[str, ...]:
    return tuple(column for column in here if column in there)
