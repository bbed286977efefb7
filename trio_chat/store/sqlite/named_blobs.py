"""The blobs that a database file names, of whatever format it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.store.sql.named_blobs import NamedBlobs
from trio_chat.store.sqlite.file_schema import keep_each_hash_once, make_files
from trio_chat.store.sqlite.schema import MIGRATIONS, format_of

if TYPE_CHECKING:
    from trio_chat.store.sqlite.connection import SqliteConnection

FORMAT_WITH_FILES: Final = MIGRATIONS.index(make_files) + 1
FORMAT_WITH_NUMBERS: Final = MIGRATIONS.index(keep_each_hash_once) + 1


def named_blobs(connection: SqliteConnection) -> NamedBlobs:
    """The blobs of the file that this connection is of."""
    version = format_of(connection)
    return NamedBlobs(
        connection, has_files=version >= FORMAT_WITH_FILES, has_numbers=version >= FORMAT_WITH_NUMBERS
    )
