"""Reading side of the SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql.reader import Reader
from trio_chat.store.sqlite.file import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_chat.store.sqlite.connection import SqliteConnection


class SqliteReader(Reader):
    """Connection that only reads. ``check_disk`` raises `OSError` if the disk cannot be used."""

    def __init__(self, connection: SqliteConnection, check_disk: Callable[[], object]) -> None:
        super().__init__(lambda read: read(connection), errors=(*UNAVAILABLE, OSError), check_disk=check_disk)
