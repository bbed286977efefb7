"""Reading the log of the server room from the command line, while servers may be running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trio_chat.kinds.facts import SERVER_ROOM
from trio_chat.store.sql.history import read_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_chat.model.events import Event
    from trio_chat.store.sql.connection import Connection

PAGE: Final = 500
PAGE_BYTES: Final = 1024 * 1024


def read_audit_log(connection: Connection) -> Iterator[Event]:
    """All events of the server room, oldest first."""
    after = 0
    while page := read_after(connection, SERVER_ROOM, after, limit=PAGE, max_bytes=PAGE_BYTES):
        yield from page
        after = page[-1].seq
