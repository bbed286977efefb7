"""Epochs of rooms, and the log's secret. Synchronous; writes belong into the writer's transaction.

A sequence number means something only within the epoch of its room. A number must never be used a second time for
something else while a client remembers the first use. So whenever the log may be behind what clients have seen, a new
epoch begins, and they are told to start afresh.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from trio_chat.kinds.facts import kind_of_new
from trio_chat.store.sql.history import position

if TYPE_CHECKING:
    from trio_chat.model.events import Position
    from trio_chat.store.sql.connection import Connection

PROOF_KEY = "proof_key"
"""Key in ``meta`` of the secret by which events are proven. It stands in the database, not beside it: what takes the
newest events, or puts a copy in place, leaves it there, and nothing more has to be kept (docs/decisions/proofs.md)."""

EPOCHS = "epochs"
"""Key in ``meta`` of how often an epoch of everything was begun, or the chat came to another database; PostgreSQL's,
and kept elsewhere."""


def proof_key(connection: Connection) -> bytes:
    """See `Store.proof_key`. Where it was lost to damage, nothing is proven until the next start."""
    key = connection.execute("SELECT value FROM meta WHERE key = ?", (PROOF_KEY,)).get
    return (key if isinstance(key, str) and key else secrets.token_hex(32)).encode()[:64]


def begin_epoch(connection: Connection, room: str, *, replacing: str | None = None) -> Position:
    """See `Store.begin_epoch`."""
    epoch = position(connection, room).epoch
    if replacing in (None, epoch):
        connection.execute(  # another node may do so at the same moment
            f"""
            INSERT INTO rooms (name, epoch, kind) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
            SET epoch = excluded.epoch, changed = {connection.dialect.change} WHERE rooms.epoch = ?
            """,
            (room, secrets.token_urlsafe(6), kind_of_new(room), epoch),
        )
    return position(connection, room)
