"""Setting a name free in a database file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_chat.store.sql import names
from trio_chat.store.sqlite.beside_server import open_beside_server

if TYPE_CHECKING:
    from pathlib import Path


def release_name(database: Path, name: str) -> str:
    """See `trio_chat.store.sql.names`. Raises `StartError` as well if there is no database of today's format, or it
    cannot be written."""
    with open_beside_server(database) as connection:
        return names.release_name(connection, name)
