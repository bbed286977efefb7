"""Saving an owner link from the command line, while a server may be running."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from trio_chat.model.tokens import hash_of
from trio_chat.store.sqlite.file import BUSY_MS, check_is_there, check_sqlite_version, explaining
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity, check_is_of_today
from trio_chat.store.sqlite.standing import add_owner_link

if TYPE_CHECKING:
    from pathlib import Path


def save_owner_link(database: Path, token: str, *, life_ms: int) -> None:
    """Save the hash of an owner link's token in the database, durably.

    Raises `StartError` if there is no database of today's format, or it cannot be written.
    """
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database, "Name its directory with --data, or start the server first.")
    now_ms = time.time_ns() // 1_000_000
    with (
        explaining(database),
        closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)) as connection,
    ):
        connection.set_busy_timeout(BUSY_MS)
        check_identity(connection, database, MIGRATIONS)
        check_is_of_today(connection, database)
        with connection:
            add_owner_link(connection, hash_of(token), ends_ms=now_ms + life_ms, at_ms=now_ms)
