"""Looking into the database, and writing to it, from the command line, beside servers that may be running."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from trio_chat.errors import StartError
from trio_chat.store.postgresql.connect import connector, explaining, hidden
from trio_chat.store.postgresql.connection import PostgresqlConnection
from trio_chat.store.postgresql.schema import MIGRATIONS, check_not_newer, format_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_to_read(url: str) -> Iterator[PostgresqlConnection]:
    """A connection to the store at this address, whose statements may take as long as they like.

    Raises `StartError` if there is no store of a format that this program knows, or it is lost meanwhile.
    """
    with explaining(url), closing(PostgresqlConnection(connector(url))) as connection:
        connection.execute("SET statement_timeout = 0")
        check_format(connection, url)
        yield connection


@contextmanager
def open_beside_servers(url: str) -> Iterator[PostgresqlConnection]:
    """The same in a transaction, which is committed when the block is left, and rolled back when that raises."""
    with open_to_read(url) as connection, connection.transaction():
        yield connection


def check_format(connection: PostgresqlConnection, url: str) -> None:
    """Raise `StartError` unless there is a store of a format in it that this program knows."""
    found = format_of(connection)
    if found is None:
        raise StartError(f"There is no log in the database {hidden(url)}. Start the server with it first.")
    version, oldest = found
    if version < len(MIGRATIONS):
        raise StartError(
            f"The database {hidden(url)} is of an older trio-chat. Start the server once, then try again."
        )
    check_not_newer(url, version, oldest)
