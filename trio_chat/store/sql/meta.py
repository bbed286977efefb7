"""Notes in ``meta``: a value under each key, which the database says of itself. Synchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


def note(connection: Connection, key: str) -> str | None:
    """A note; None if there is none."""
    found: Any = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).get
    return None if found is None else str(found)


def set_note(connection: Connection, key: str, value: str) -> None:
    """Write a note, in the place of one that may be there."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )


def remove_note(connection: Connection, key: str) -> None:
    """Take a note away."""
    connection.execute("DELETE FROM meta WHERE key = ?", (key,))
