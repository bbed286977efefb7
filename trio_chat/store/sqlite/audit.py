"""Reading the log of the server room from the command line, while a server may be running."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.store.sql.history import read_after
from trio_chat.store.sqlite.file import check_is_there, check_sqlite_version, connect_to_read, explaining
from trio_chat.store.sqlite.schema import MIGRATIONS, check_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trio_chat.model.events import Event

PAGE = 500
PAGE_BYTES = 1024 * 1024


def read_audit_log(database: Path) -> Iterator[Event]:
    """All events of the server room, oldest first. Raises `StartError` if there is no log, or it cannot be read."""
    check_sqlite_version(apsw.sqlite_lib_version())
    check_is_there(database)
    with explaining(database), closing(connect_to_read(database, vfs=None)) as connection:
        check_identity(connection, database, MIGRATIONS)
        after = 0
        while page := read_after(connection, SERVER_ROOM, after, limit=PAGE, max_bytes=PAGE_BYTES):
            yield from page
            after = page[-1].seq
