"""A SQLite file as one end of a move (`trio_chat.store.moving.end`)."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import apsw

from trio_chat.errors import StartError
from trio_chat.store.sql.meta import note, remove_note, set_note
from trio_chat.store.sql.moves import CHANGES, PREPARED, REFUSED, WAITING, find_moved
from trio_chat.store.sqlite.epochs import COPY_NOTE, count_events
from trio_chat.store.sqlite.erasing import ROWS_AROUND
from trio_chat.store.sqlite.event_count import open_event_count
from trio_chat.store.sqlite.file import (
    check_is_there,
    check_sqlite_version,
    connect_to_write,
    explaining,
    locked,
    make_private,
    remove_files,
    use_wal,
)
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, format_of, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trio_chat.store.moving.end import End, Row
    from trio_chat.store.sql.tables import Table
    from trio_chat.store.sqlite.connection import SqliteConnection

SEALED_S: Final = 4.0
"""A server waits for five seconds (`BUSY_MS`) before it tells anybody that nothing can be written just now."""

_TRIGGERS: Final = "move_"
"""How the names of all triggers of a move begin."""


class SqliteEnd:
    """A file. Made by `open_source` or `open_target`."""

    def __init__(self, path: Path, connection: SqliteConnection, *, may_be_sealed_s: float | None) -> None:
        self.name = str(path)
        self.address = str(path.resolve())
        self.may_be_sealed_s = may_be_sealed_s
        self.connection = connection
        self._path = path

    def columns(self, table: Table, /) -> dict[str, str]:
        """See `End`."""
        rows = self.connection.execute("SELECT name, lower(type) FROM pragma_table_info(?)", (table.name,))
        return dict(rows)

    def n_servers(self) -> int:
        """See `End`."""
        return int(self.may_be_sealed_s is not None)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See `End`."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):
                self.connection.execute("ROLLBACK")
            raise

    sealed = writing
    """Who writes to a file is alone."""

    def cut(self) -> None:
        """See `End`."""
        self.connection.interrupt()

    def track(self, tables: Sequence[Table], log: Table, /) -> None:
        """See `End`."""
        self.untrack()
        self.connection.execute(
            f"CREATE TABLE {CHANGES} (n INTEGER PRIMARY KEY, tab TEXT NOT NULL, key TEXT NOT NULL) STRICT"
        )
        for table in tables:
            self._track(table, "INSERT", "NEW")
            self._track(table, "DELETE", "OLD")
            self._track(table, "UPDATE", "OLD", "NEW")
        self._track(log, "UPDATE", "NEW")

    def _track(self, table: Table, what: str, *rows: str) -> None:
        types = self.columns(table)
        noted = "; ".join(
            f"INSERT INTO {CHANGES} (tab, key) VALUES ('{table.name}', json_array("
            + ", ".join(
                f"hex({row}.{column})" if types[column] == "blob" else f"{row}.{column}"
                for column in table.key
            )
            + "))"
            for row in rows
        )
        self.connection.execute(
            f"CREATE TRIGGER {_TRIGGERS}{table.name}_{what.lower()} AFTER {what} ON {table.name} BEGIN {noted}; END"
        )

    def untrack(self) -> None:
        """See `End`."""
        triggers = self.connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?) = ?",
            (len(_TRIGGERS), _TRIGGERS),
        ).fetchall()
        for (name,) in triggers:
            self.connection.execute(f"DROP TRIGGER {name}")
        self.connection.execute(f"DROP TABLE IF EXISTS {CHANGES}")

    def fence(self, tables: Sequence[Table], /) -> None:
        """See `End`."""
        for table in tables:
            for what in ("INSERT", "UPDATE", "DELETE"):
                self.connection.execute(
                    f"CREATE TRIGGER {_TRIGGERS}{table.name}_{what.lower()} BEFORE {what} ON {table.name} "
                    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
                )

    def insert(self, table: Table, columns: Sequence[str], rows: Sequence[Row], /) -> None:
        """See `End`."""
        marks = ", ".join("?" * len(columns))
        self.connection.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows)

    def wipe(self, table: Table, keys: Sequence[Row], /) -> None:
        """See `End`."""
        if table.name in ROWS_AROUND and keys:
            self.connection.wipe_around(table.name, table.keys, keys)
            _switch_triggers_off(self.connection)

    def complete(self) -> None:
        """See `End`."""
        self.connection.execute("UPDATE people_count SET n = (SELECT count(*) FROM people)")

    def open(self) -> None:
        """See `End`."""
        with open_event_count(self._path) as count_file:
            count_file.write(count_events(self.connection))
            count_file.sync()
        with self.writing():
            remove_note(self.connection, WAITING)
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


@contextmanager
def open_source(path: Path) -> Iterator[SqliteEnd]:
    """The log at this path, from which is moved. A server may be using it; if none is, none can while the block lasts.

    Raises `StartError` if there is none of today's format.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(path, "Name its directory with --data, or the database with --store.")
    with explaining(path), ExitStack() as stack:
        may_be_sealed_s = None
        try:
            stack.enter_context(locked(path))
        except StartError:
            may_be_sealed_s = SEALED_S
        connection = stack.enter_context(closing(connect_to_write(path, vfs=None)))
        check_identity(connection, path, MIGRATIONS)
        if format_of(connection) != len(MIGRATIONS):
            raise StartError(f"{path} is of an older trio-chat. Start the server once, then try again.")
        use_wal(connection, path, "FULL")
        connection.pragma("foreign_keys", False)
        if note(connection, WAITING) is not None:
            raise StartError(f"{path} is itself the target of a move that was not completed.")
        if note(connection, COPY_NOTE) is not None:
            raise StartError(
                f"{path} is a backup that no server has opened yet. Start the server with it once."
            )
        yield SqliteEnd(path, connection, may_be_sealed_s=may_be_sealed_s)


@contextmanager
def open_target(path: Path, *, is_begun: bool = False) -> Iterator[SqliteEnd]:
    """A new file at this path, to which is moved, or that of a move which was interrupted.

    Raises `StartError` if there is another one, or a server uses it. With ``is_begun`` it is taken as it is, if
    there is one.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    if is_begun:
        check_is_there(path)
    with explaining(path), ExitStack() as stack:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stack.enter_context(locked(path))
        if not is_begun:
            _put_aside(path)
        if not path.exists() or path.stat().st_size == 0:
            _make(path)
        connection = stack.enter_context(closing(connect_to_write(path, vfs=None)))
        check_identity(connection, path, MIGRATIONS)
        is_ours = format_of(connection) == len(MIGRATIONS) and bool(note(connection, WAITING))
        if not (is_ours or is_begun):
            raise StartError(
                f"{path} holds a chat. Move it, and all files whose names begin like its, to another place first."
            )
        use_wal(connection, path, "FULL")
        connection.pragma("foreign_keys", False)
        _switch_triggers_off(connection)
        yield SqliteEnd(path, connection, may_be_sealed_s=None)


def _make(path: Path) -> None:
    """Make the file, under another name until it says whose it is: a command that is killed meanwhile leaves nothing
    at ``path`` that looks like a chat."""
    making = path.with_name(f"{path.name}.new")
    remove_files(making)
    make_private(making)
    with closing(connect_to_write(making, vfs=None)) as connection:
        _switch_triggers_off(connection)
        migrate(connection, making, MIGRATIONS)
        connection.execute("DELETE FROM file_usage")
        set_note(connection, WAITING, PREPARED)
    making.replace(path)  # `use_wal` brings the name to the disk, with its journal's


def _switch_triggers_off(connection: SqliteConnection) -> None:
    """Let what is copied be all that is written: what triggers would write is copied as well."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)


def _put_aside(path: Path) -> None:
    """Give a file from which the chat was moved away another name. No server uses it."""
    if not path.exists():
        return
    with closing(connect_to_write(path, vfs=None)) as connection:
        check_identity(connection, path, MIGRATIONS)
        if format_of(connection) == 0 or find_moved(connection) is None:
            return
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    path.rename(path.with_name(time.strftime(f"{path.name}.moved-%Y-%m-%dT%H%M%SZ", time.gmtime())))


if TYPE_CHECKING:
    _fulfils: type[End] = SqliteEnd
