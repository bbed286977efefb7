"""Looking into the database, and writing to it, from the command line, beside a server that may be running."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import apsw

from trio_chat.errors import StartError
from trio_chat.store.sqlite.connection import SqliteConnection
from trio_chat.store.sqlite.file import (
    BUSY_MS,
    check_is_there,
    check_sqlite_version,
    connect_to_read,
    explaining,
)
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def open_to_read(database: Path, advice: str) -> Iterator[SqliteConnection]:
    """A connection that cannot write, to a database that may be of an older format.

    Raises `StartError` if there is none, or it cannot be read; ``advice`` says what to do if there is none.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database, advice)
    with explaining(database), closing(connect_to_read(database, vfs=None)) as connection:
        check_identity(connection, database, MIGRATIONS)
        yield connection


@contextmanager
def open_beside_server(database: Path, advice: str) -> Iterator[SqliteConnection]:
    """A connection in a transaction, which is committed when the block is left, and rolled back when that raises.

    Raises `StartError` if there is no database of today's format, or it cannot be written; ``advice`` says what to do
    if there is none.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database, advice)
    with (
        explaining(database),
        closing(SqliteConnection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)) as connection,
    ):
        connection.set_busy_timeout(BUSY_MS)
        check_identity(connection, database, MIGRATIONS)
        if format_of(connection) != len(MIGRATIONS):
            raise StartError(f"{database} is of an older trio-chat. Start the server once, then try again.")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
