"""Notes in ``meta`` about a chat that moves to another database. Synchronous.

They are written in this order, so that never two databases serve the same chat: the target *waits* for its source; the
source has *moved*; the target waits no longer. In between, neither serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trio_chat.errors import StartError
from trio_chat.store.moved import Moved
from trio_chat.store.sql.meta import note, set_note

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

MOVING: Final = "moving"
"""On the source, while it is copied: the id of the move."""

WAITING: Final = "waiting"
"""On the target, until its source has moved: the id of the move."""

PREPARED: Final = "prepared"
"""The note `WAITING` of a target to which nothing was copied yet."""

MOVED: Final = "moved"
"""On the source, for good: where the chat is."""

CHANGES: Final = "move_changes"
"""Table at the source: the keys of rows that have changed (``tab``, and ``key`` as a JSON list, bytes as hex), in the
order of ``n``. Triggers write it while the chat is copied."""

REFUSED: Final = "this chat was moved to another database"
"""What a database says to whoever writes to it after the move: it is fenced (`trio_chat.store.moving`)."""


def find_moved(connection: Connection) -> Moved | None:
    """Where the chat in this database was moved to; None if it is here."""
    found = note(connection, MOVED)
    return None if found is None else msgspec.json.decode(found, type=Moved)


def set_moved(connection: Connection, moved: Moved) -> None:
    """Say that the chat was moved."""
    set_note(connection, MOVED, msgspec.json.encode(moved).decode())


def check_serves(connection: Connection, name: str) -> None:
    """Raise `StartError` unless the chat in this database, which is called so, is served from here."""
    moved = find_moved(connection)
    if moved is not None:
        raise StartError(
            f"The chat in {name} was moved to {moved.shown}. Start the server with that; "
            "if that says that it is not complete, run the same trio-chat move again."
        )
    if note(connection, WAITING) is not None:
        raise StartError(
            f"The chat in {name} is not complete: a move into it is under way, or was interrupted. "
            "In that case run the same trio-chat move again."
        )
