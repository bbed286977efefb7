"""Leases of nodes over one PostgreSQL: each beats every second, by the clock of the database. Synchronous.

The table is unlogged, and apart from ``nodes``, whose rows carry the batches: a beat waits for no disk, and for no
commit that hangs. After a crash of the server it is empty until the next beats.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psycopg

if TYPE_CHECKING:
    from trio_chat.store.sql.connection import Connection

LEASE_S: Final = 5
"""A node that has not beaten for so long is gone."""


def beat(connection: Connection, node: str) -> None:
    """Say that the node is there."""
    connection.execute(
        "INSERT INTO leases VALUES (?, now()) ON CONFLICT (node) DO UPDATE SET beat_at = excluded.beat_at",
        (node,),
    )


def leave(connection: Connection, node: str) -> None:
    """Say that the node is gone, and forget those that went long ago, if that can be done just now."""
    with suppress(psycopg.Error):
        connection.execute(
            "DELETE FROM leases WHERE node = ? OR beat_at < now() - interval '1 minute'", (node,)
        )


def live_nodes(connection: Connection) -> frozenset[str]:
    """See `Store`."""
    found = connection.execute(
        "SELECT node FROM leases WHERE beat_at > now() - make_interval(secs => ?::int)", (LEASE_S,)
    )
    return frozenset(node for (node,) in found)
