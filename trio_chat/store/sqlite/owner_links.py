"""Saving an owner link from the command line, while a server may be running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trio_chat.model.tokens import hash_of
from trio_chat.store.sql.standing import add_owner_link
from trio_chat.store.sqlite.beside_server import open_beside_server

if TYPE_CHECKING:
    from pathlib import Path


def save_owner_link(database: Path, token: str, *, life_ms: int) -> None:
    """Save the hash of an owner link's token in the database, durably.

    Raises `StartError` if there is no database of today's format, or it cannot be written.
    """
    now_ms = time.time_ns() // 1_000_000
    advice = "Name its directory with --data, or start the server first."
    with open_beside_server(database, advice) as connection:
        add_owner_link(connection, hash_of(token), ends_ms=now_ms + life_ms, at_ms=now_ms)
