"""Names that were set free beside the server, until it has told everybody. Synchronous; writes belong into the
writer's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trio_chat.model.records import NameRelease

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection


def add_release(connection: Connection, release: NameRelease) -> None:
    """Note that a name was set free."""
    connection.execute(
        "INSERT INTO releases VALUES (?, ?, ?, ?)",
        (release.id, release.person, release.freed, release.now),
    )


def releases(connection: Connection, limit: int) -> list[NameRelease]:
    """See `Store.releases`."""
    found: list[Any] = connection.execute(
        "SELECT id, person_id, freed, new_name FROM releases ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    return [NameRelease(*values) for values in found]


def forget_release(connection: Connection, release: str) -> None:
    """See `Store.forget_release`."""
    connection.execute("DELETE FROM releases WHERE id = ?", (release,))
