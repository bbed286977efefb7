"""PostgreSQL's side of `trio_chat.store.sql.connection`: a connection that comes back when it was lost.

A call into libpq can wait for ever where a line swallows what it carries: neither keepalives nor ``tcp_user_timeout``
end that if somebody on the way acknowledges. So a connection says since when it waits, and may be cut from another
thread (`PostgresqlConnection.cut`), after which the call fails.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import contextmanager, suppress
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
import psycopg
from psycopg import RawCursor, errors

from trio_chat.store.postgresql.gram_index import GIN_INDEX
from trio_chat.store.sql.connection import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from trio_chat.store.sql.connection import Connection
    from trio_chat.store.sql.search_index import GramIndex

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

Raw: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

POSTGRESQL = Dialect(
    # What is too long for an integer here is none that anybody has.
    ints=(
        "(SELECT CASE WHEN length(listed.value) < 19 THEN CAST(listed.value AS bigint) END "
        "FROM json_array_elements_text(CAST(? AS json)) AS listed (value))"
    ),
    texts="(SELECT json_array_elements_text(CAST(? AS json)))",
    numbered=(
        "(SELECT place - 1 AS place, "
        "CASE WHEN length(listed.value) < 19 THEN CAST(listed.value AS bigint) END AS value "
        "FROM json_array_elements_text(CAST(? AS json)) WITH ORDINALITY AS listed (value, place))"
    ),
    greatest="greatest",
    patched_policy="CAST(jsonb_strip_nulls(CAST(policy AS jsonb) || CAST(? AS jsonb)) AS text)",
    table_of_rows="(SELECT {columns} FROM json_array_elements(CAST(? AS json)) AS listed (value))",
    column_of_row=(
        "CAST(CASE WHEN '{type}' = 'text' OR length(value ->> {number}) < 19 THEN value ->> {number} END AS {type}) "
        "AS {name}"
    ),
    for_update="FOR NO KEY UPDATE",
    is_guest="person_id LIKE 'g-%'",
    # Transactions are not committed in the order of their numbers: all below the lowest that is under way are seen.
    change="CAST(CAST(pg_current_xact_id() AS text) AS bigint)",
    last_change="SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) - 1",
    mentions="CASE WHEN strpos({body}, '\"mentions\":') > 0 THEN mentions({body}, {person}) END",
    has_nodes=True,
    has_index_hints=False,
)

UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors that the line, the server and the system cause. Any other is a bug of ours and rises as it is."""

_PLACEHOLDER = re.compile(r"'[^']*'|\?(\d*)|(?<!:):([a-z_]+)")


@lru_cache(maxsize=1024)
def with_numbers(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with its parameters as PostgreSQL names them, and the names of those that have one, in their order.

    As in SQLite, a ``?`` has the number after the highest before it.
    """
    highest = 0
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        nonlocal highest
        if found[0][0] == "'":
            return found[0]
        if found[2]:
            return f"${names.setdefault(found[2], len(names) + 1)}"
        this = int(found[1]) if found[1] else highest + 1
        highest = max(highest, this)
        return f"${this}"

    return _PLACEHOLDER.sub(number, sql), tuple(names)


class PostgresqlRows:
    """Rows of one statement; none of a statement that returns none."""

    def __init__(self, cursor: RawCursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    @property
    def get(self) -> Any:  # noqa: ANN401
        """See `Rows`."""
        row = self.fetchone()
        return row[0] if row is not None and len(row) == 1 else row

    def fetchone(self) -> Any:  # noqa: ANN401
        """See `Rows`."""
        with _none_is_no_error():
            return self._cursor.fetchone()
        return None

    def fetchall(self) -> list[Any]:
        """See `Rows`."""
        with _none_is_no_error():
            return self._cursor.fetchall()
        return []

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


@contextmanager
def _none_is_no_error() -> Iterator[None]:
    """Psycopg raises an error of its own, without a code, for the rows of a statement that returns none."""
    try:
        yield
    except psycopg.ProgrammingError as error:
        if error.sqlstate is not None:
            raise


class PostgresqlConnection:
    """Connection to a PostgreSQL server, made by ``connect`` when it is first needed, and anew after it was lost.

    Its owner begins and commits. Used by one thread at a time; `cut` and `waits_since` are for any.
    """

    dialect = POSTGRESQL
    index: GramIndex = GIN_INDEX
    unreadable = (errors.DataCorrupted, errors.IndexCorrupted, UnicodeDecodeError)

    def __init__(self, connect: Callable[[], Raw]) -> None:
        self._connect = connect
        self.on_connect: Callable[[], object] = lambda: None
        """Called when a connection was made, before anything else is done with it; what it raises ends it."""
        self._raw: Raw | None = None
        self._line: socket.socket | None = None
        self._line_lock = threading.Lock()
        self.was_warned = False
        """Whether the server sent a warning since this was set. It is all that tells of a commit that went through
        without the standby for which it should have waited."""
        self.waits_since: float | None = None
        """On the monotonic clock; None while nobody waits for the server."""
        self.is_given_up = False
        """See `give_up`."""
        self._is_in_snapshot = False
        self.retries = 0
        self.in_doubt = 0
        """See `NodeStatistics`."""

    @property
    def raw(self) -> Raw:
        """The connection of psycopg. Raises `psycopg.OperationalError` if there is none to be had."""
        if self.is_given_up:
            raise psycopg.OperationalError("the server stops, and waits for the database no longer")
        if self._raw is None:
            with self.waiting():
                raw = self._connect()
            with self._line_lock:
                self._line = socket.socket(fileno=os.dup(raw.fileno()))
            if self.is_given_up:  # it did not know yet that there was something to cut
                self.cut()
            raw.add_notice_handler(self._note_warning)
            self._raw = raw
            try:
                self.on_connect()
            except BaseException:
                self.close()
                raise
        return self._raw

    @property
    def is_lost(self) -> bool:
        """Whether the connection is of no use any more, and was not given up yet."""
        return self._raw is not None and self._raw.closed

    def _note_warning(self, notice: errors.Diagnostic) -> None:
        self.was_warned |= notice.severity_nonlocalized == "WARNING"

    def execute(self, sql: str, parameters: Any = (), /) -> PostgresqlRows:  # noqa: ANN401
        """See `Connection`."""
        raw = self.raw
        with self.waiting():
            cursor = RawCursor(raw)
            statement, names = with_numbers(sql)
            cursor.execute(statement, [parameters[name] for name in names] if names else parameters)
        return PostgresqlRows(cursor)

    def executemany(self, sql: str, many: Iterable[Any], /) -> None:
        """See `Connection`."""
        raw = self.raw
        with self.waiting():
            RawCursor(raw).executemany(with_numbers(sql)[0], list(many))

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        """Send the statements of the block without waiting for the answer to each: one way there and back. Their rows
        are to be read after it. Raises the first error of them; what came after that one was not run."""
        raw = self.raw
        with self.waiting(), raw.pipeline():
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, which is committed when the block is left, and rolled back when that raises."""
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self.roll_back()
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Connection`."""
        if self._is_in_snapshot:
            yield
            return
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._is_in_snapshot = True
        try:
            yield
        finally:
            self._is_in_snapshot = False
            self.roll_back()

    def lock(self, subject: str, names: Collection[str], /) -> None:
        """See `Connection`. In one order, so that nobody waits for each other."""
        self.executemany(
            "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))",
            [(f"{subject} {name}",) for name in sorted(names)],
        )

    def wipe_around(self, table: str, key: str, places: Sequence[tuple[Any, ...]], /) -> None:
        """See `Connection`. Nothing can be done: dead rows stay until VACUUM, and in archives of the log."""

    def structs(self, kind: type[_Struct], sql: str, parameters: Any = (), /) -> list[_Struct]:  # noqa: ANN401
        """See `Connection`."""
        return [kind(*row) for row in self.execute(sql, parameters)]

    def roll_back(self) -> None:
        """End the transaction, if there is one, and forget a connection that was lost."""
        if self._raw is None:
            return
        with suppress(psycopg.Error), self.waiting():
            self._raw.rollback()
        if self._raw.closed:
            self.close()

    def close(self) -> None:
        """Close the connection; the next statement has another one."""
        with self._line_lock:
            if self._line is not None:
                self._line.close()
            self._line = None
        if self._raw is not None:
            with suppress(psycopg.Error):
                self._raw.close()
        self._raw = None

    def cut(self) -> None:
        """Make whoever waits for the server fail, from any thread."""
        with self._line_lock, suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def give_up(self) -> None:
        """Make whoever waits for the server fail, from any thread, and whoever would from now on."""
        self.is_given_up = True
        self.cut()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Say that the block waits for the server."""
        outermost = self.waits_since is None
        if outermost:
            self.waits_since = monotonic()
        try:
            yield
        finally:
            if outermost:
                self.waits_since = None


if TYPE_CHECKING:
    _fulfils: type[Connection] = PostgresqlConnection
